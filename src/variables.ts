/** The environment variables by name: which there are, and how a wrong one is told to the operator. */
import { StartError } from './errors.ts'

/** Every variable that is read, in the order of the README; one with our prefix that is not here is a typo. */
export const variableNames = [
  'HOST',
  'PORT',
  'DATABASE_URL',
  'PASSGATE_DATA_DIR',
  'PASSGATE_ADMIN_KEY',
  'PASSGATE_ENCRYPTION_KEYS',
  'PASSGATE_PUBLIC_URL',
  'PASSGATE_EGRESS_ALLOW',
  'PASSGATE_CORS_ORIGINS',
  'PASSGATE_TRUSTED_PROXIES',
  'PASSGATE_ROOT_PORT',
  'REDIS_URL',
  'PASSGATE_SANDBOX',
  'PASSGATE_INTROSPECTION',
  'PASSGATE_GRAPHIQL',
  'LOG_LEVEL',
  'PASSGATE_METRICS_TOKEN',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_SERVICE_NAME',
  'OTEL_TRACES_SAMPLER_ARG',
  'PASSGATE_TRACE_UPSTREAM',
  'PASSGATE_DRAIN_DELAY_MS',
  'PASSGATE_DRAIN_TIMEOUT_MS',
] as const

export type VariableName = (typeof variableNames)[number]

/** The one sentence: the variable, what it got, what it takes. */
export function wrong(name: VariableName, got: string, takes: string): StartError {
  return new StartError(`${name} is ${got}, but takes ${takes}.`)
}

/** A value as a sentence may show it: on one line, not endless, without a URL's password. */
export function quote(text: string): string {
  const masked = hideUserinfo(text)
  return JSON.stringify(masked.length > 80 ? `${masked.slice(0, 80)}…` : masked)
}

export function hideUserinfo(text: string): string {
  return text.replace(/\/\/[^/\s]*@/g, '//***@')
}

/** A sentence for each variable that has our prefix and is none of ours: a typo must not pass unseen. Shows no value. */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known: readonly string[] = variableNames
  return Object.entries(env)
    .filter(([name, value]) => name.startsWith(prefix) && value && !known.includes(name))
    .map(([name]) => `${name} is set, but there is no such variable; the nearest name is ${findNearestName(name)}.`)
}

const prefix = 'PASSGATE_'

function findNearestName(name: string): string {
  let nearest: { name: string; distance: number } = { name: '', distance: Number.POSITIVE_INFINITY }
  for (const candidate of variableNames) {
    const distance = measureDistance(name, candidate)
    if (distance < nearest.distance) nearest = { name: candidate, distance }
  }
  return nearest.name
}

/** Our prefix on a variable that has none (`PASSGATE_PORT`) is the likeliest mistake and counts as one edit. */
function measureDistance(name: string, candidate: VariableName): number {
  const whole = countEdits(name, candidate)
  return candidate.startsWith(prefix) ? whole : Math.min(whole, 1 + countEdits(name.slice(prefix.length), candidate))
}

function countEdits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, right] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (left === right ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
