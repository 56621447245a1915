import { z } from "zod";

/**
 * Settings with some switches changed; `faults` are changed one by one, null or `{}` for `faults` ends them all.
 * @throws ZodError naming what is wrong
 */
export function mergeSwitches<Settings extends { faults: object }>(
  switches: z.ZodType<{ [Name in keyof Settings]?: Settings[Name] | undefined }>,
  settings: Settings,
  changes: unknown,
): Settings {
  const given = z.record(z.string(), z.unknown()).parse(changes);
  const { faults } = given;
  const ended = faults === null || (typeof faults === "object" && Object.keys(faults).length === 0);
  const parsed = switches.parse(ended ? { ...given, faults: {} } : given);
  // Absent switches stay absent when parsed, so nothing is overwritten with undefined.
  return { ...settings, ...parsed, faults: ended ? {} : { ...settings.faults, ...parsed.faults } };
}
