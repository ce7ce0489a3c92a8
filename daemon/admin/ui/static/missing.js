// An address that the page does not have.
import { h, show } from "./dom.js";

export function render({ content }) {
  show(content, h("h1", { tabindex: "-1" }, "Not here"),
    h("p", "The page has no such address. ", h("a", { href: "/ui/" }, "To the overview")));
}
