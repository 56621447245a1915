const ZONE_SECONDS = 8 * 3600;
const DAY = 86_400;
const TWO = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));
const PATTERN = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/;
const days = new Map<number, string>();

/** `YYYY-MM-DD HH:mm:ss` in Asia/Shanghai (UTC+8 all year) of a moment in epoch seconds. */
export function shanghaiText(seconds: number): string {
  const local = seconds + ZONE_SECONDS;
  const day = Math.floor(local / DAY);
  let date = days.get(day);
  if (date === undefined) {
    date = new Date(day * DAY * 1000).toISOString().slice(0, 10);
    days.set(day, date);
  }
  const second = local - day * DAY;
  return `${date} ${TWO[Math.floor(second / 3600)]}:${TWO[Math.floor(second / 60) % 60]}:${TWO[second % 60]}`;
}

/** Epoch seconds of such a text; null when it is not exactly of this form, or no such moment exists. */
export function shanghaiSeconds(text: string): number | null {
  if (!PATTERN.test(text)) return null;
  const ms = Date.parse(`${text.replace(" ", "T")}Z`);
  if (Number.isNaN(ms)) return null;
  const seconds = ms / 1000 - ZONE_SECONDS;
  return shanghaiText(seconds) === text ? seconds : null;
}
