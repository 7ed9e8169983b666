// The URL of the page says what is chosen, so that it can be passed on.
import { linkTo, placeIn } from "../model/page-link.js";
import type { PageState } from "./state.js";

/** Shows what the URL says, as soon as it is there, and writes what is chosen into the URL. */
export function followLink(state: PageState): void {
  let wanted = location.hash;
  const show = (): void => {
    const place = placeIn(wanted, state.model.runs);
    const names = new URLSearchParams(wanted.slice(1));
    if (place === undefined || (names.has("span") && place.span === undefined)) return; // it may come yet
    wanted = "";
    if (place.run !== state.run) state.showRun(place.run);
    state.select(place.span);
    if (place.span !== undefined) state.showSpan(place.span);
  };
  addEventListener("hashchange", () => {
    wanted = location.hash;
    show();
  });
  state.onChange((change) => {
    if (change === "data" && wanted !== "") show();
    if (change !== "selection" && change !== "run") return;
    if (state.model.runs.length === 0) return;
    wanted = "";
    history.replaceState(null, "", `#${linkTo(state, state.model.runs)}`);
  });
  show();
}
