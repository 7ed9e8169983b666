// Keeps the selection in the URL of the page, for sharing.
import { linkTo, placeIn } from "../model/page-link.js";
import type { PageState } from "./state.js";

/** Shows the place in the URL once it is loaded, and writes the selection to the URL. */
export function followLink(state: PageState): void {
  /** The part of the URL that is not shown yet; cleared once it is shown, or when the user selects something else. */
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
