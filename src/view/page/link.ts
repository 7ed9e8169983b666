// The URL of the page says what is chosen, so that it can be passed on.
import { linkTo, placeIn } from "../model/page-link.js";
import type { PageState } from "./state.js";

/** Shows what the URL says, as soon as it is there, and writes what is chosen into the URL. */
export function followLink(state: PageState): void {
  /** What is still to be shown of a URL; emptied when all of it is, and when the reader chooses something else. */
  let wanted = location.hash;
  let isShowing = false;
  const show = (): void => {
    const place = placeIn(wanted, state.runs);
    if (place === undefined) return; // it may come yet
    isShowing = true;
    if (place.run !== state.run) state.showRun(place.run);
    if (place.other !== state.other) state.compare(place.other);
    if (place.span !== state.span) {
      state.select(place.span);
      if (place.span !== undefined) state.showSpan(place.span);
    }
    isShowing = false;
    if (place.isWhole) wanted = "";
  };
  addEventListener("hashchange", () => {
    wanted = location.hash;
    show();
  });
  state.onChange((change) => {
    if (change === "data" && wanted !== "") show();
    if (isShowing || (change !== "selection" && change !== "run")) return;
    if (state.runs.length === 0) return;
    wanted = "";
    history.replaceState(null, "", `#${linkTo(state, state.runs)}`);
  });
  show();
}
