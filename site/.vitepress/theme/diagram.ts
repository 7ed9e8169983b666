// Draws a Mermaid diagram in the browser. The library is one file of the site, loaded when a page needs it.
import libraryUrl from "@mermaid-js/tiny/dist/mermaid.tiny.js?url";
import { useData } from "vitepress";
import { defineComponent, h, onMounted, ref, watch } from "vue";

interface Mermaid {
  initialize(options: object): void;
  render(id: string, source: string): Promise<{ svg: string }>;
}

let library: Promise<Mermaid> | undefined;
/** Diagrams are drawn one after another: Mermaid has one set of options for all. */
let drawing: Promise<unknown> = Promise.resolve();
let drawn = 0;

function load(): Promise<Mermaid> {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = libraryUrl;
    script.onload = () => resolve((globalThis as unknown as { mermaid: Mermaid }).mermaid);
    script.onerror = () => reject(new Error("mermaid could not be loaded"));
    document.head.append(script);
  });
  return library;
}

export const Diagram = defineComponent({
  props: { source: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData();
    const source = decodeURIComponent(props.source);
    const svg = ref("");
    const draw = () => {
      drawing = drawing.then(async () => {
        const mermaid = await load();
        mermaid.initialize({
          startOnLoad: false,
          securityLevel: "strict",
          theme: isDark.value ? "dark" : "neutral",
          fontFamily: "inherit",
          themeVariables: { fontSize: "14px", ...(isDark.value && { edgeLabelBackground: "#1b1b1f" }) },
          flowchart: { nodeSpacing: 25, rankSpacing: 30, padding: 10 },
        });
        const drawing = (await mermaid.render(`diagram-${++drawn}`, source)).svg;
        // style.css lets a wide diagram shrink, but not so far that nobody could read it.
        const width = Number(/viewBox="\S+ \S+ (\S+)/.exec(drawing)?.[1] ?? 0);
        svg.value = drawing.replace('style="', `style="--natural-width: ${Math.round(width)}px; `);
      });
      drawing = drawing.catch((error) => console.error(error));
    };
    onMounted(draw);
    watch(isDark, draw);
    // Without JavaScript, and until it is drawn, the diagram is what it was written as.
    return () =>
      svg.value === ""
        ? h("pre", { class: "diagram-source" }, source)
        : h("div", {
            class: "diagram",
            tabindex: 0,
            role: "group",
            "aria-label": "Diagram",
            innerHTML: svg.value,
          });
  },
});
