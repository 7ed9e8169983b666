// VitePress's own theme, a component that draws Mermaid diagrams in the browser, and a landmark for the home page.
import { useData } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { onMounted, watch } from "vue";
import { Diagram } from "./diagram.js";
import "./style.css";

/** Other pages have a `main` within. */
function markHome(isHome: boolean): void {
  const content = document.getElementById("VPContent");
  if (isHome) content?.setAttribute("role", "main");
  else content?.removeAttribute("role");
}

export default {
  extends: DefaultTheme,
  enhanceApp({ app }: { app: { component(name: string, component: object): void } }) {
    app.component("Diagram", Diagram);
  },
  setup() {
    const { frontmatter } = useData();
    const mark = () => markHome(frontmatter.value.layout === "home");
    onMounted(mark);
    watch(frontmatter, mark, { flush: "post" });
  },
};
