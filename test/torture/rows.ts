// Every row of the table, in its order.
import type { Row } from "./row.ts";

export const ROWS: readonly Row[] = [];
