/** Takes in one answer: bounded while it is read, with a deadline, and given up when the caller leaves. */
import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import type { Call } from './call.ts'
import { CallerLeft } from './failure.ts'
import { readHeaders } from './raw-headers.ts'
import { joinHeader, type ResponseHeader } from './response.ts'

const smallestBuffer = 16 * 1024

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
  readonly #onAbort = () => this.fail(new CallerLeft())
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0
  /** True while the bytes are the first chunk itself, which is not ours to write to. */
  #isShared = true
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
    this.#deadline = setTimeout(() => this.fail(timedOut(timeoutMs)), timeoutMs)
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
    const hasBody = this.#call.plan.method !== 'HEAD' && status !== 204 && status !== 304
    if (hasBody && announced > this.#call.plan.maxResponseBytes) {
      this.fail(tooLarge(this.#call.plan.maxResponseBytes))
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failure !== undefined) return
    try {
      this.#judge(chunk.length)
      this.#append(chunk)
    } catch (error) {
      this.fail(error instanceof Error ? error : new TypeError('onBytes threw no error'))
    }
  }

  onResponseEnd(): void {
    if (this.#failure !== undefined) return
    this.#release()
    this.#resolve({ status: this.#status, headers: this.#headers, bytes: this.#bytes.subarray(0, this.#length) })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(isTimeout(error) ? timedOut(this.#call.plan.timeoutMs) : error)
  }

  /** @throws {GatewayError} when these bytes are more than this call, or those whose memory it is, may take */
  #judge(count: number): void {
    const { maxResponseBytes } = this.#call.plan
    if (this.#length + count > maxResponseBytes) throw tooLarge(maxResponseBytes)
    this.#limits.onBytes?.(count)
  }

  /** One growing buffer: an answer in single bytes must not cost an object each. */
  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length
    if (this.#length === 0) this.#bytes = chunk
    else if (length > this.#bytes.length || this.#isShared) {
      const larger = Buffer.allocUnsafe(Math.max(2 * length, smallestBuffer))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
      this.#isShared = false
    }
    if (this.#length > 0) chunk.copy(this.#bytes, this.#length)
    this.#length = length
  }

  /** Gives the call up; only the first reason counts. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#call.giveUp(error)
    this.#release()
    this.#bytes = Buffer.alloc(0)
    this.#controller?.abort(error)
    this.#reject(error)
  }

  #release(): void {
    clearTimeout(this.#deadline)
    this.#limits.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** undici's own timers run beside the deadline; to a caller they are one. */
function isTimeout(error: Error): boolean {
  return 'code' in error && (error.code === 'UND_ERR_HEADERS_TIMEOUT' || error.code === 'UND_ERR_BODY_TIMEOUT')
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
