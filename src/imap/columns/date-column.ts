/** The sent date of each message in milliseconds; NaN when it has none that can be read. */
import type { MessageSummary } from "../../mime/summary.ts";
import { Column } from "./column.ts";
import { float64List } from "./numbers.ts";

export class DateColumn extends Column {
  readonly #dates = float64List();

  get dates(): Float64Array {
    return this.#dates.values;
  }

  protected override get valueBytes(): number {
    return this.#dates.sizeBytes;
  }

  protected override addValue({ sentDateMs }: MessageSummary): void {
    this.#dates.push(sentDateMs ?? Number.NaN);
  }
}
