// What became of each member of another system's document.

export interface Remark {
  /** `same`: means here what it meant there. `stricter`: passes less here. `note`: for its author to look at. */
  readonly kind: "same" | "stricter" | "note";
  readonly path: string;
  readonly text: string;
}

export interface Imported {
  /** Ours, before it is parsed. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly remarks: readonly Remark[];
  /** Paths of what has no counterpart here. Without it the document would pass more than it did. */
  readonly unsupported: readonly string[];
  /** Paths of what nobody knows. */
  readonly unknown: readonly string[];
}

/** A document in the making. */
export class Report {
  readonly document: Record<string, unknown> = { version: 1 };
  readonly budgets: object[] = [];
  readonly remarks: Remark[] = [];
  readonly unsupported: string[] = [];

  same(path: string, text: string): void {
    this.remarks.push({ kind: "same", path, text });
  }

  stricter(path: string, text: string): void {
    this.remarks.push({ kind: "stricter", path, text });
  }

  note(path: string, text: string): void {
    this.remarks.push({ kind: "note", path, text });
  }

  /** Sets a limit; of two, the smaller holds. `micro` orders them. */
  limit(field: string, path: string, usd: string, micro: (usd: string) => bigint): void {
    const before = this.document[field];
    const both = typeof before === "string";
    if (!both || micro(usd) < micro(before)) this.document[field] = usd;
    if (both) this.stricter(path, `${usd} and ${before}: the smaller holds for every payment`);
    else if (micro(usd) === 0n) this.stricter(path, "is 0, so nothing passes here");
    else this.same(path, `${field} ${usd}`);
  }

  finish(unknown: readonly string[]): Imported {
    const { document, budgets, remarks, unsupported } = this;
    return {
      document: { ...document, ...(budgets.length > 0 && { budgets }) },
      remarks,
      unsupported,
      unknown,
    };
  }
}
