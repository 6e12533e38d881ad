// Every row of the table, in its order.
import { cap } from "./cap.ts";
import { days } from "./days.ts";
import { disk } from "./disk.ts";
import { flood } from "./flood.ts";
import { frames } from "./frames.ts";
import { keys } from "./keys.ts";
import { kills } from "./kills.ts";
import type { Row } from "./row.ts";
import { roles, rollback } from "./tested.ts";
import { vault } from "./vault.ts";

export const ROWS: readonly Row[] = [kills, disk, cap, frames, days, vault, flood, keys, roles, rollback];
