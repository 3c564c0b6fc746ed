/** Takes in one answer: bounded while it is read, with a deadline, and given up when the caller leaves. */
import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import type { Call } from './call.ts'
import { joinHeader, type ResponseHeader } from './response.ts'

export interface CollectedResponse {
  readonly status: number
  readonly headers: readonly ResponseHeader[]
  /** As they came, not decoded. */
  readonly bytes: Buffer
}

export interface CollectLimits {
  /** Aborted when the caller leaves. */
  readonly signal?: AbortSignal | undefined
  /** Told of every chunk; throws when its owner can take no more. */
  readonly onBytes?: ((count: number) => void) | undefined
}

/** The handler of one request; `result` settles exactly once, whatever the upstream does. */
export class ResponseCollector implements Dispatcher.DispatchHandler {
  readonly result: Promise<CollectedResponse>
  readonly #call: Call
  readonly #limits: CollectLimits
  readonly #resolve: (response: CollectedResponse) => void
  readonly #reject: (error: unknown) => void
  readonly #deadline: NodeJS.Timeout
  readonly #onAbort = () => this.#fail(callerLeft())
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #failure: Error | undefined
  #status = 0
  #headers: ResponseHeader[] = []

  constructor(call: Call, limits: CollectLimits) {
    this.#call = call
    this.#limits = limits
    const { promise, resolve, reject } = Promise.withResolvers<CollectedResponse>()
    this.result = promise
    this.#resolve = resolve
    this.#reject = reject
    const { timeoutMs } = call.plan
    this.#deadline = setTimeout(() => this.#fail(timedOut(timeoutMs)), timeoutMs)
    limits.signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (limits.signal?.aborted) this.#onAbort()
  }

  /** True when it failed before it was sent, so that it need not be. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#failure !== undefined) controller.abort(this.#failure)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: object): void {
    if (status < 200) return
    this.#status = status
    this.#headers = readHeaders(controller.rawHeaders ?? headers)
    const announced = Number(joinHeader(this.#headers, 'content-length'))
    if (this.#call.plan.method !== 'HEAD' && announced > this.#call.plan.maxResponseBytes) {
      this.#fail(tooLarge(this.#call.plan.maxResponseBytes))
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failure !== undefined) return
    this.#call.bytesReceived += chunk.length
    if (this.#call.bytesReceived > this.#call.plan.maxResponseBytes)
      return this.#fail(tooLarge(this.#call.plan.maxResponseBytes))
    try {
      this.#limits.onBytes?.(chunk.length)
    } catch (error) {
      return this.#fail(error instanceof Error ? error : new TypeError('onBytes threw no error'))
    }
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#failure !== undefined) return
    this.#release()
    this.#resolve({ status: this.#status, headers: this.#headers, bytes: Buffer.concat(this.#chunks) })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#release()
    this.#chunks.length = 0
    this.#controller?.abort(error)
    this.#reject(error)
  }

  #release(): void {
    clearTimeout(this.#deadline)
    this.#limits.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** HTTP/1 gives names and values as they came, in turn; HTTP/2 an object. */
function readHeaders(raw: object): ResponseHeader[] {
  if (Array.isArray(raw)) {
    return Array.from({ length: raw.length / 2 }, (_, index) => ({
      name: latin1(raw[2 * index]),
      value: latin1(raw[2 * index + 1]),
    }))
  }
  return Object.entries(raw).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(item => ({ name, value: String(item) })),
  )
}

function latin1(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('latin1') : String(value)
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    'RESPONSE_TOO_LARGE',
    `The answer is larger than ${maxBytes} bytes; raise options.maxResponseBytes or ask for less.`,
  )
}

function timedOut(timeoutMs: number): GatewayError {
  return new GatewayError('UPSTREAM_TIMEOUT', `The upstream did not answer within ${timeoutMs} ms (options.timeoutMs).`)
}

function callerLeft(): GatewayError {
  return new GatewayError('UPSTREAM_TIMEOUT', 'The caller left before the upstream had answered.')
}
