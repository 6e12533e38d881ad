// The answer on one file.
import { Audit } from "./audit.ts";
import { readExport } from "./export-file.ts";
import { linesOf } from "./lines.ts";
import type { Known } from "./proofs.ts";
import type { Report } from "./report.ts";
import { Untrue } from "./untrue.ts";

export interface No {
  readonly true: false;
  readonly why: string;
  readonly row?: number;
}

/** Reads the file to its end. Throws only what the file system throws. */
export function answer(fd: number, known: Known): Report | No {
  try {
    return verifyExport(fd, known);
  } catch (error) {
    if (error instanceof Untrue) {
      const { message: why, row } = error;
      return { true: false, why, ...(row === undefined ? {} : { row }) };
    }
    const { message, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) throw error;
    // Whatever a file makes this program throw, it is not an export that is true.
    return { true: false, why: `the file cannot be understood (${message})` };
  }
}

function verifyExport(fd: number, known: Known): Report {
  const found: { audit?: Audit; report?: Report | undefined } = {};
  readExport(linesOf(fd), {
    header: (header) => {
      found.audit = new Audit(header, known);
    },
    row: (row) => {
      found.audit?.row(row);
    },
    end: (end) => {
      found.report = found.audit?.end(end);
    },
  });
  if (!found.report) throw new Untrue("the file is empty");
  return found.report;
}
