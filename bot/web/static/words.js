// What the words mean: a tip on hover and focus, and the whole list at the foot of the page.
import { $, h } from "./dom.js";

const WORDS = {
  underlying: ["underlying", "The listed share or ETF, by its US ticker, such as AMZN."],
  token: ["token", "An issuer's claim on the underlying, such as AMZNx."],
  venue: ["venue", "One place with its own price: a pool, an exchange pair, an issuer's quote, a broker."],
  instrument: ["instrument", "A token on one venue: the unit that has a price."],
  reference: ["reference", "A price of the underlying itself, which fair value is built on."],
  price: ["price", "What is compared with fair value: the middle of what can be bought and sold for, or the last price where nothing is quoted."],
  fair: ["fair value", "Share price × shares per token, with its uncertainty: 95 % of the time it is within the ± shown. It is wider while the market is closed."],
  premium: ["premium", "How far the token's price is above (+) or below (−) fair value, in percent."],
  band: ["band", "The premiums that the issuer's own minting and redeeming cannot profitably remove. Outside it somebody should be earning the difference."],
  age: ["age", "How old the token's price is. A price is never carried forward as if it were new."],
  state: ["state", "What the detector makes of it: in range, confirming, incident, stale, halted, or no fair value."],
  depeg: ["depeg", "A premium outside the band by more than the fair value's uncertainty explains."],
  incident: ["incident", "One depeg or feed fault from opening to resolution, with its cause and evidence."],
  executable: ["executable price", "The average price for a stated size, fees and impact included. Never the last print."],
  depth: ["depth", "What must be sold or bought here to take the price so far. What moves it a little is what can be traded."],
  stake: ["at stake", "What closing the gap on this venue would earn, before costs."],
  route: ["route", "A way to earn the premium: mint and sell, buy and redeem, venue against venue, hedge and hold."],
  plan: ["plan", "A route with its size, steps, hedge, costs, worst case and expiry; or no trade, and why."],
  worst: ["worst case", "The loss that is not exceeded 99 % of the time while the plan settles."],
  fill: ["fill", "What happened to an order: the quantity and the average price, fees apart."],
  delta: ["delta", "What the whole book gains when the share gains a dollar: as if so many shares were held, hedges counted."],
  theta: ["theta", "What the book gains by a calendar day passing, in dollars; options that were bought cost it."],
  ledger: ["ledger", "The double-entry record of every fill: cash, what is held, profit and loss."],
  reserved: ["reserved", "Capital locked in what was minted, redeemed or moved and has not settled."],
};

export function explainWords() {
  $("words-list").append(...Object.values(WORDS).map(([word, text]) => h("div", null, h("dt", null, word), h("dd", null, text))));
  const tip = $("tip");
  let shown = null;
  const hide = () => {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  };
  const reveal = (event) => {
    const term = event.target.closest?.("[data-term]");
    if (!term || term === shown) return;
    hide();
    shown = term;
    tip.textContent = WORDS[term.dataset.term]?.[1] ?? "";
    tip.hidden = false;
    term.setAttribute("aria-describedby", "tip");
    place();
  };
  const place = () => {
    const box = shown.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left), innerWidth - tip.offsetWidth - 8);
    const below = box.bottom + 6;
    const top = below + tip.offsetHeight > innerHeight ? box.top - tip.offsetHeight - 6 : below;
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
  };
  const leave = (event) => {
    if (shown && !shown.contains(event.relatedTarget)) hide();
  };
  document.addEventListener("mouseover", reveal);
  document.addEventListener("focusin", reveal);
  document.addEventListener("mouseout", leave);
  document.addEventListener("focusout", leave);
  // The keyboard's focus scrolls a word into view: its meaning goes with it.
  const scrolled = () => shown && (shown === document.activeElement ? place() : hide());
  document.addEventListener("scroll", scrolled, { passive: true, capture: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  for (const term of document.querySelectorAll("[data-term]")) term.tabIndex = 0;
}

export const term = (key, text) => h("span", { "data-term": key, tabindex: 0 }, text ?? WORDS[key][0]);
