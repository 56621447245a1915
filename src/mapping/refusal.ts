import { TidemarkError } from "../errors.ts";

const LONGEST = 80;

/** A record that cannot be mapped; it goes to quarantine. The message holds data of the record: for the store, never for history. */
export class MappingRefusal extends TidemarkError {}

/** A JSON value as a message names it: cut, or hidden where it is personal. */
export function shown(raw: string | undefined, hidden = false): string {
  if (raw === undefined) return "nothing";
  if (hidden) return "(hidden)";
  return raw.length > LONGEST ? `${raw.slice(0, LONGEST)}…` : raw;
}

/** @throws MappingRefusal `TM_MAPPING_VALUE` */
export function refuseValue(field: string, raw: string | undefined, expected: string, hidden = false): never {
  throw new MappingRefusal("TM_MAPPING_VALUE", `field ${JSON.stringify(field)}: ${shown(raw, hidden)}; expected ${expected}`, { path: field });
}
