/** What a call takes before it goes out: one of every limit that applies, or nothing of any. */
import { GatewayError } from '../errors.ts'

/** Gives back what was taken, for a call that did not go out. */
export type GiveBack = () => void

/** A limit that has nothing left now. */
export interface Spent {
  /** Its name at the start of a sentence. */
  readonly limit: string
  /** Milliseconds until it may have something again. */
  readonly waitMs: number
  /** True when it is spent for every connection of the integration. */
  readonly isCommon: boolean
}

export type Take = () => GiveBack | Spent | Promise<GiveBack | Spent>

/** One of each, in this order; what the first ones gave is given back when a later one is spent or fails. */
export async function takeAll(takes: readonly Take[]): Promise<GiveBack | Spent> {
  const taken: GiveBack[] = []
  const giveBack = () => {
    for (const each of taken) each()
  }
  try {
    for (const take of takes) {
      const result = await take()
      if (typeof result !== 'function') {
        giveBack()
        return result
      }
      taken.push(result)
    }
  } catch (error) {
    giveBack()
    throw error
  }
  return giveBack
}

/** @param limit its name at the start of a sentence */
export function refuseAsSpent(limit: string, retryAfterMs: number): GatewayError {
  const seconds = Math.ceil(retryAfterMs / 1000)
  const message = `${limit} is spent and comes back in ${seconds} s; try again then.`
  return new GatewayError('RATE_LIMITED', message, { retryAfterMs })
}
