/** What a vendor has left for one account: what its answers said of it, and the calls that are under way. */
import { type HeaderReader, type RateHints, readBudget, readRetryAfter, type VendorBudget } from './vendor-headers.ts'

export interface LearnedAnswer {
  readonly status: number
  readonly header: HeaderReader
  readonly hints?: RateHints | undefined
}

/** What those who share an account tell each other. */
export interface AccountNews {
  readonly budget: VendorBudget | undefined
  /** Milliseconds for which the vendor wants no calls. */
  readonly heldForMs: number
}

/** A vendor that asks to wait longer is asked again after this time: its clock may be wrong. */
export const longestWaitMs = 3_600_000
/** Answers that name the same end in seconds from now come to slightly different moments. */
const sameEndMs = 3000
const jitterMs = 100
/** How soon to look again when the last calls of a budget are under way. */
const pollMs = 50

export class Account {
  #budget: VendorBudget | undefined
  /** When calls may go by the budget again: the end of its window, as far as a vendor's word is taken. */
  #windowEndsAtMs = 0
  /** The vendor refused a call for the sake of a limit: none goes until then, whatever slower answers say. */
  #heldUntilMs = 0
  /** Calls that were let out and have no answer yet; the vendor will count them. */
  #open = 0

  /** Milliseconds until a call may go: none while the vendor has room for it beside those that are under way. */
  waitMs(nowMs: number): number {
    if (this.#heldUntilMs > nowMs) return withJitter(this.#heldUntilMs - nowMs)
    if (this.#budget?.resetsAt == null) return 0
    const { limit, remaining } = this.#budget
    const isOver = this.#isWindowOver(nowMs)
    // Whatever its figures were: after the end of the window one call goes out to ask.
    const room = isOver ? Math.max(1, limit ?? Number.POSITIVE_INFINITY) : remaining
    if (room > this.#open) return 0
    return isOver || remaining > 0 ? pollMs : withJitter(this.#windowEndsAtMs - nowMs)
  }

  /** 0 and one more call under way, or the milliseconds to wait. */
  take(nowMs: number): number {
    const waitMs = this.waitMs(nowMs)
    if (waitMs === 0) this.#open += 1
    return waitMs
  }

  /** One call less is under way: it has its answer, or will have none. */
  close(): void {
    this.#open = Math.max(0, this.#open - 1)
  }

  /** @returns what the answer said that others who share the account have to know */
  learn({ status, header, hints }: LearnedAnswer, nowMs: number): AccountNews {
    const said = readBudget(header, hints, nowMs)
    const askedMs = status === 429 ? (readRetryAfter(status, header, hints, nowMs) ?? 0) : 0
    const heldForMs = Math.min(longestWaitMs, askedMs)
    this.adopt({ budget: said, heldForMs }, nowMs)
    return { budget: said && this.#budget, heldForMs }
  }

  adopt({ budget, heldForMs }: AccountNews, nowMs: number): void {
    if (heldForMs > 0) this.#heldUntilMs = Math.max(this.#heldUntilMs, nowMs + heldForMs)
    if (budget === undefined) return
    this.#budget = this.#isWindowOver(nowMs) ? budget : merge(this.#budget, budget, nowMs)
    this.#windowEndsAtMs = Math.min(this.#budget.resetsAt?.getTime() ?? nowMs, nowMs + longestWaitMs)
  }

  /** For those who ask what is left. */
  show(nowMs: number): VendorBudget | undefined {
    if (this.#heldUntilMs <= nowMs) return this.#budget
    return { limit: this.#budget?.limit ?? null, remaining: 0, resetsAt: new Date(this.#heldUntilMs) }
  }

  #isWindowOver(nowMs: number): boolean {
    return this.#windowEndsAtMs <= nowMs
  }
}

/** Answers may overtake each other: within one window the smaller figure is the later one. */
function merge(before: VendorBudget | undefined, said: VendorBudget, nowMs: number): VendorBudget {
  if (before?.resetsAt == null) return said
  const { limit, remaining, resetsAt } = said
  const isSameWindow = resetsAt === null || Math.abs(resetsAt.getTime() - before.resetsAt.getTime()) <= sameEndMs
  if (isSameWindow) {
    // The end stays where it was first seen: a window that slides with every answer would else never be a new one.
    const smaller = Math.min(before.remaining, remaining)
    return { limit: limit ?? before.limit, remaining: smaller, resetsAt: before.resetsAt }
  }
  const isOfThePast = resetsAt.getTime() <= nowMs
  return isOfThePast ? before : said
}

function withJitter(waitMs: number): number {
  return Math.ceil(waitMs + Math.random() * jitterMs)
}
