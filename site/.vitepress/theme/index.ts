// VitePress's own theme, and a component that draws Mermaid diagrams in the browser.
import DefaultTheme from "vitepress/theme";
import { Diagram } from "./diagram.js";
import "./style.css";

export default {
  extends: DefaultTheme,
  enhanceApp({ app }: { app: { component(name: string, component: object): void } }) {
    app.component("Diagram", Diagram);
  },
};
