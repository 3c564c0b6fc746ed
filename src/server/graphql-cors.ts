/** Which browsers' origins may read an answer: one rule, as options for Yoga and as headers for what does not pass through it. */
import type { CORSOptions } from 'graphql-yoga'

export interface Cors {
  /** Asked of each request; false for one whose answer no page may read. */
  readonly options: (request: Pick<Request, 'headers'>) => CORSOptions
  /** What an answer to a request of this origin carries. */
  headersFor(origin: string | undefined): Readonly<Record<string, string>> | undefined
}

const methods = ['GET', 'POST']

/** An origin that is not listed gets no header at all: `null` is an origin, too, that of any page in a sandbox. */
export function createCors(origins: readonly string[]): Cors {
  const known = { origin: [...origins], methods, credentials: false }
  // The answer of a single origin differs from that of the others by its absence alone.
  const vary: Record<string, string> = origins.length === 1 ? {} : { vary: 'Origin' }
  const byOrigin = new Map(origins.map(origin => [origin, { ...allowing(origin), ...vary }]))
  return {
    options: ({ headers }) => byOrigin.has(headers.get('origin') ?? '') && known,
    headersFor: origin => (origin === undefined ? undefined : byOrigin.get(origin)),
  }
}

function allowing(origin: string): Record<string, string> {
  return { 'access-control-allow-origin': origin, 'access-control-allow-methods': methods.join(', ') }
}
