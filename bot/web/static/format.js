// Numbers, times and words as people read them. What is not known is a dash, never a zero.

export const NONE = "–";
const MINUS = "\u2212";
const THIN = "\u202f";

const group = (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const two = group(2);
const none = group(0);
const four = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const known = (value) => value !== null && value !== undefined && Number.isFinite(Number(value));
const signed = (value, text, plus = "+") => (value < 0 ? MINUS : value > 0 ? plus : "") + text;

export function premium(percent) {
  if (!known(percent)) return NONE;
  if (percent >= 900) return `×${none.format(percent / 100 + 1)}`;
  const size = Math.abs(percent);
  const shown = size >= 10 ? size.toFixed(1) : size.toFixed(2);
  return `${signed(Number(shown) === 0 ? 0 : percent, shown)}${THIN}%`;
}

// For an axis: no more digits than the number needs.
export function premiumTick(percent) {
  return premium(percent).replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

export function price(usd) {
  if (!known(usd)) return NONE;
  return `$${Number(usd) >= 1 ? two.format(usd) : four.format(usd)}`;
}

// Money won, lost or locked: cents while they matter.
export function money(usd, plus = "") {
  if (!known(usd)) return NONE;
  const value = Number(usd);
  const size = Math.abs(value);
  const text = `$${(size < 1000 ? two : none).format(size)}`;
  return signed(text === "$0.00" ? 0 : value, text, plus);
}

export function size(usd) {
  return known(usd) ? `$${none.format(usd)}` : NONE;
}

export function tokens(quantity) {
  if (!known(quantity)) return NONE;
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: 5 }).format(quantity);
}

export function spread(sd) {
  if (!known(sd)) return "";
  const percent = 196 * sd;
  return `±${percent >= 10 ? percent.toFixed(0) : percent >= 1 ? percent.toFixed(1) : percent.toFixed(2)}${THIN}%`;
}

export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const whole = Math.max(0, Math.round(seconds));
  const parts = [[Math.floor(whole / 86400), "d"], [Math.floor(whole / 3600) % 24, "h"], [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
  const from = parts.findIndex(([n]) => n > 0);
  if (from < 0) return `0${THIN}s`;
  return parts.slice(from, from + 2).filter(([n]) => n > 0).map(([n, unit]) => `${n}${THIN}${unit}`).join(" ");
}

// One unit only, for narrow columns.
export function age(seconds) {
  return known(seconds) ? duration(seconds).split(" ")[0] : NONE;
}

// Milliseconds of an ISO time; nanoseconds are cut off.
export function ms(iso) {
  return iso ? Date.parse(iso.replace(/(\.\d{3})\d*Z$/, "$1Z")) : NaN;
}

const part = (zone, options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
const clockUtc = part("UTC", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clockNy = part("America/New_York", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const moment = part("UTC", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = part("UTC", { weekday: "short", hour: "2-digit", minute: "2-digit" });

const tidy = (text) => text.replace(/,/g, "");
export const utc = (at) => (Number.isFinite(at) ? tidy(clockUtc.format(at)) : NONE);
export const newYork = (at) => (Number.isFinite(at) ? tidy(clockNy.format(at)) : NONE);
export const when = (at) => (Number.isFinite(at) ? tidy(moment.format(at)) : NONE);
export const dayMinute = (at) => (Number.isFinite(at) ? tidy(minute.format(at)) : NONE);

export const STATES = {
  ok: ["in range", "the premium is inside the band, or beyond it by less than the fair value's uncertainty"],
  pending: ["confirming", "outside; it must last a little before it is an incident"],
  incident: ["incident", "part of an open incident"],
  stale: ["stale", "the price is too old to be judged"],
  halted: ["halted", "this venue cannot be quoted now"],
  closed: ["closed", "out of the venue's hours; its price is the last before it closed"],
  unpriced: ["no fair value", "there is nothing yet to compare this price with"],
};

export const CAUSES = {
  thin_liquidity: "thin liquidity", stale_reference: "stale reference", stale_venue: "stale venue",
  closed_market_drift: "closed-market drift", multiplier_mismatch: "multiplier mismatch",
  corporate_action: "corporate action", trading_halt: "trading halt", stablecoin_depeg: "stablecoin depeg",
  issuer_halt: "issuer halt", under_backed: "under-backed", oracle_fault: "oracle fault",
  broad_premium: "broad premium", feed_fault: "feed fault", unknown: "not clear",
};

export const ROUTES = {
  mint_and_sell: "mint and sell", buy_and_redeem: "buy and redeem",
  cross_venue: "venue against venue", hedge_and_hold: "hedge and hold",
};

export const SESSIONS = {
  pre: "pre-market", regular: "regular hours", post: "after hours",
  overnight: "overnight", weekend: "weekend", holiday: "holiday",
};
export const severityRank = { critical: 0, warning: 1, info: 2 };
export const words = (code) => String(code ?? "").replaceAll("_", " ");
export const plural = (n, one, many = `${one}s`) => `${none.format(n)} ${n === 1 ? one : many}`;
