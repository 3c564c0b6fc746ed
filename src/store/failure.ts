/** What leaves the store when a statement fails: its SQL, its parameters and the rows' values stay here. */
import { GatewayError, StartError } from '../errors.ts'

/** A statement failed. Safe to log: it names the SQLSTATE and the constraint, never a value. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  /** SQLSTATE (`23505`) or the driver's code (`ECONNREFUSED`). */
  readonly code: string | undefined

  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

const statementTimeoutMs = 30_000

/** Wraps each method of a store: failures become `StoreError`, and no statement is waited for without end. */
export function guarded<Store extends object>(store: Store): Store {
  const entries = Object.entries(store).map(([name, method]) => [name, guard(name, method)])
  return Object.fromEntries(entries) as Store
}

/** @throws StoreError when `promise` is not settled within `timeoutMs`, or rejects with a driver's error. */
export async function settle<Value>(promise: PromiseLike<Value>, timeoutMs: number): Promise<Value> {
  try {
    return await withDeadline(promise, timeoutMs)
  } catch (error) {
    throw withoutValues(error)
  }
}

/** @throws StoreError `TIMEOUT`, or what `promise` rejects with. */
export async function withDeadline<Value>(promise: PromiseLike<Value>, timeoutMs: number): Promise<Value> {
  const { promise: deadline, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new StoreError(`The store did not answer within ${timeoutMs / 1000} seconds.`, 'TIMEOUT'))
  }, timeoutMs)
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** What the driver said, from under drizzle's wrapping. */
export function driverError(error: unknown): { code: string | undefined; message: string; constraint?: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) }
  if (error.cause instanceof Error) return driverError(error.cause)
  const { code, constraint, constraint_name: constraintName } = error as unknown as Record<string, unknown>
  return {
    code: typeof code === 'string' ? code : undefined,
    message: error.message,
    ...(typeof constraint === 'string' && { constraint }),
    ...(typeof constraintName === 'string' && { constraint: constraintName }),
  }
}

type Method = (...parameters: unknown[]) => Promise<unknown>

function guard(name: string, method: Method): Method {
  const guardedMethod = (...parameters: unknown[]) => settle(method(...parameters), statementTimeoutMs)
  return Object.defineProperty(guardedMethod, 'name', { value: name })
}

function withoutValues(error: unknown): unknown {
  // Our own errors were written to be read, and a TypeError is a caller's mistake.
  if (error instanceof GatewayError || error instanceof StartError || error instanceof StoreError) return error
  if (error instanceof TypeError) return error
  const { code, message, constraint } = driverError(error)
  const about = constraint === undefined ? '' : ` (${constraint})`
  return new StoreError(`The store failed: ${code ?? 'unknown'}${about}${isPlain(code) ? `: ${message}` : ''}`, code)
}

/** Codes whose messages speak of the server, not of values: resources, shutdown, system, connection, rollback. */
function isPlain(code: string | undefined): boolean {
  return code !== undefined && (/^(?:08|40|53|57|58)/.test(code) || /^[A-Z_]{6,}$/.test(code))
}
