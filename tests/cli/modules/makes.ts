// A module that makes a flow and exports none.
import { Flow, node } from "sluice";

export const createFlow = (): Flow => new Flow(node({}));
