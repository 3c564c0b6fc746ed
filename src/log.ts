/** The logger: structured lines from sanitised copies; no secret gets into a line, whatever the caller hands over. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'

export type { Logger } from 'pino'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LoggerOptions {
  readonly level: LogLevel
  /** Standard output when absent. */
  readonly destination?: DestinationStream
}

/**
 * Redaction is not pino's `redact`: its paths are case-sensitive, stop at the depth they spell, and leave messages and
 * errors alone. Here every argument and every child's bindings are copied through `sanitise`, and the finished line is
 * searched once more for what looks like a credential.
 */
export function createLogger(options: LoggerOptions): Logger {
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      // Errors are plain copies by then; pino's own serializer would copy every property of one.
      serializers: { err: value => value },
      hooks: {
        logMethod(args, method) {
          const [first, ...rest] = args.map(argument => sanitise(argument))
          const copies = isError(args[0]) ? [{ err: first }, ...rest] : [first, ...rest]
          method.apply(this, copies as Parameters<typeof method>)
        },
        streamWrite: scrub,
      },
    },
    options.destination,
  )
  const { child, setBindings } = logger
  return Object.assign(logger, {
    // Children inherit from the logger, so this covers theirs too.
    child(this: Logger, ...[bindings, childOptions]: Parameters<typeof child>) {
      return child.call(this, sanitise(bindings) as typeof bindings, childOptions)
    },
    setBindings(this: Logger, bindings: Parameters<typeof setBindings>[0]) {
      setBindings.call(this, sanitise(bindings) as typeof bindings)
    },
  })
}

const redacted = '[redacted]'
const maxDepth = 6
const maxItems = 100
const maxCauses = 5

const secretName =
  /(?:authorization|cookie|password|passwd|passphrase|secret|secrets|token|tokens|credential|credentials|key|keys|signature|assertion|databaseurl|redisurl|params|parameters)$/

/** `X-Api-Key`, `x_api_key` and `apiKey` are one name. */
function isSecretName(name: string): boolean {
  return secretName.test(name.replace(/[^A-Za-z]/g, '').toLowerCase())
}

/** A copy that is safe to print: secret fields blanked, errors reduced, objects with a class named but never opened. */
function sanitise(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (isError(value)) return describeError(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof URL) return value.origin + value.pathname
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth === maxDepth) return '[too deep]'
  if (Array.isArray(value)) return sanitiseList(value, depth + 1)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return `[${value.constructor?.name ?? 'object'}]`
  return sanitiseFields(value as Readonly<Record<string, unknown>>, depth + 1)
}

/** Header lists name a field in one item and hold its value in the next: `['authorization', 'Bearer …']`. */
function sanitiseList(list: readonly unknown[], depth: number): unknown[] {
  const copies = list.slice(0, maxItems).map((item, index) => {
    const before: unknown = list[index - 1]
    return typeof before === 'string' && isSecretName(before) ? redacted : sanitise(item, depth)
  })
  return list.length > maxItems ? [...copies, `[${list.length - maxItems} more]`] : copies
}

function sanitiseFields(fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const namesSecret = typeof fields.name === 'string' && isSecretName(fields.name)
  const copy: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    const secret = isSecretName(name) || (namesSecret && name === 'value')
    const harmless = value === undefined || value === null || typeof value === 'boolean'
    copy[name] = secret && !harmless ? redacted : sanitise(value, depth)
  }
  return copy
}

interface ErrorDescription {
  readonly type: string
  readonly message: string
  readonly code?: string | number
  readonly stack: string
  readonly cause?: unknown
  readonly errors?: readonly unknown[]
}

/**
 * Type, message, code, stack, causes. Never another property: undici's errors carry headers and bodies, PostgreSQL's
 * the parameters and the row, a URL error its input.
 */
function describeError(error: Error, depth = 0): ErrorDescription {
  const describe = (inner: unknown): unknown => {
    if (depth === maxCauses) return '[more causes]'
    return isError(inner) ? describeError(inner, depth + 1) : sanitise(inner, maxDepth - 1)
  }
  const type = typeof error.name === 'string' && error.name !== 'Error' ? error.name : error.constructor.name
  const message = hideQuoted(String(error.message))
  const code: unknown = Reflect.get(error, 'code')
  const errors: unknown = Reflect.get(error, 'errors')
  return {
    type,
    message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    stack: [`${type}: ${message}`, ...stackFrames(error)].join('\n'),
    ...(error.cause === undefined ? {} : { cause: describe(error.cause) }),
    ...(Array.isArray(errors) ? { errors: errors.slice(0, maxCauses).map(describe) } : {}),
  }
}

function isError(value: unknown): value is Error {
  return Error.isError(value) || value instanceof Error
}

/** A stack repeats the message, so only its frames are taken, from behind the message. */
function stackFrames(error: Error): string[] {
  const stack = String(error.stack ?? '')
  const end = stack.indexOf(error.message)
  const behind = end === -1 ? stack : stack.slice(end + error.message.length)
  return behind.split('\n').filter(line => /^\s+at /.test(line))
}

/** Messages that quote their input: Drizzle's parameters, the text that was no JSON, the value that was no header. */
function hideQuoted(message: string): string {
  const quoting = [' is not valid JSON', ' is an invalid header value']
  const end = Math.max(...quoting.map(phrase => message.lastIndexOf(phrase)))
  const start = message.indexOf('"')
  const unquoted = start === -1 || start > end ? message : message.slice(0, start) + redacted + message.slice(end)
  return unquoted.replace(/^params: [\s\S]*$/m, `params: ${redacted}`)
}

/** Credentials by their looks, for text that nobody wrote with care. Quotes and backslashes stay, so a line stays JSON. */
const looks: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s+[^\s"\\,]{8,}/gi, `$1 ${redacted}`],
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"\\/?#@]*@/gi, `$1${redacted}@`],
  [/([?&][\w.-]*(?:key|token|secret|password|signature|code)=)[^\s"\\&#]+/gi, `$1${redacted}`],
  [/\bpgk_[\w-]{20,}/g, redacted],
  [/\beyJ[\w-]{1,1024}\.[\w-]+\.[\w-]*/g, redacted],
]

function scrub(line: string): string {
  return looks.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line)
}
