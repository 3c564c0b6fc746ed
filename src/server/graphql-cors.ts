/** Which browsers' origins may read an answer: one rule, as options for Yoga and as headers for what does not pass through it. */
import type { CORSOptions } from 'graphql-yoga'

export interface Cors {
  readonly options: CORSOptions
  /** What an answer to a request of this origin carries. */
  headersFor(origin: string | undefined): Readonly<Record<string, string>> | undefined
}

const methods = ['GET', 'POST']

export function createCors(origins: readonly string[]): Cors {
  if (origins.length === 0) return { options: false, headersFor: () => undefined }
  const [first = ''] = origins
  // A single origin is told to everyone: the answer is the same for all, and caches need not tell them apart.
  const byOrigin = new Map(origins.map(origin => [origin, { ...allowing(origin), vary: 'Origin' }]))
  const other = allowing(origins.length === 1 ? first : 'null')
  return {
    options: { origin: [...origins], methods, credentials: false },
    headersFor(origin) {
      if (origin === undefined) return undefined
      return origins.length === 1 ? other : (byOrigin.get(origin) ?? other)
    },
  }
}

function allowing(origin: string): Record<string, string> {
  return { 'access-control-allow-origin': origin, 'access-control-allow-methods': methods.join(', ') }
}
