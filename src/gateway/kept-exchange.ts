/** The request and the answer of a call whose workspace keeps them: their beginnings, taken while they pass. */
import type { Injection } from '../auth/strategy.ts'
import type { PendingExchange } from '../calls/exchange.ts'
import type { CallBodySettings } from '../connections/call-body-settings.ts'
import type { AnswerSink } from '../passthrough/relay.ts'
import type { RequestPlan } from '../passthrough/request.ts'
import type { ResponseHeader, UpstreamResponse } from '../passthrough/response.ts'
import { redactExchange } from './exchange-redaction.ts'
import type { Memory } from './memory.ts'

/** The first bytes of a body; a copy, so that nothing else is held by them. */
export class Beginning {
  readonly #maxBytes: number
  readonly #chunks: Buffer[] = []
  #keptBytes = 0
  /** Of the whole body so far. */
  sizeBytes = 0
  /** True while more may come: what there is may end anywhere. */
  isOpen = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  add(chunk: Buffer): void {
    this.sizeBytes += chunk.length
    const room = this.#maxBytes - this.#keptBytes
    if (room <= 0 || chunk.length === 0) return
    const part = Buffer.from(chunk.subarray(0, room))
    this.#chunks.push(part)
    this.#keptBytes += part.length
  }
}

export class KeptExchange {
  /** What is sent: its body, if it streams, is looked at as it goes. */
  readonly plan: RequestPlan
  readonly #settings: CallBodySettings
  readonly #memory: Memory
  readonly #request: Beginning | null
  #headers: readonly ResponseHeader[] = []
  #answer: Beginning | null = null
  #injection: (() => Injection) | undefined

  private constructor(settings: CallBodySettings, plan: RequestPlan, memory: Memory) {
    this.#settings = settings
    this.#memory = memory
    const { body } = plan
    const request = new Beginning(settings.maxBytes)
    if (Buffer.isBuffer(body)) request.add(body)
    this.#request = body === null ? null : request
    this.plan = body === null || Buffer.isBuffer(body) ? plan : { ...plan, body: watch(body, request) }
  }

  /** Undefined where nothing is kept, or there is no memory for it: the call itself comes first. */
  static start(settings: CallBodySettings | null, plan: RequestPlan, memory: Memory): KeptExchange | undefined {
    if (settings === null) return undefined
    try {
      memory.take(2 * settings.maxBytes)
    } catch {
      return undefined
    }
    return new KeptExchange(settings, plan, memory)
  }

  /** @param injection what was added last: nothing of it is kept, should the vendor repeat it */
  prove(injection: () => Injection): void {
    this.#injection = injection
  }

  takeAnswer({ headers, bytes }: UpstreamResponse): void {
    this.#headers = headers
    this.#answer = new Beginning(this.#settings.maxBytes)
    this.#answer.add(bytes)
  }

  watchAnswer(sink: AnswerSink): AnswerSink {
    return {
      start: control => sink.start(control),
      interim: (status, headers) => sink.interim(status, headers),
      head: (status, statusText, headers, facts) => {
        this.#headers = headers
        this.#answer = new Beginning(this.#settings.maxBytes)
        this.#answer.isOpen = true
        sink.head(status, statusText, headers, facts)
      },
      body: chunk => {
        this.#answer?.add(chunk)
        return sink.body(chunk)
      },
      end: trailers => {
        if (this.#answer !== null) this.#answer.isOpen = false
        sink.end(trailers)
      },
    }
  }

  /** To be called once, when the call is over. */
  end(): PendingExchange {
    this.#memory.give(2 * this.#settings.maxBytes)
    const [request, answer] = [this.#request, this.#answer]
    return {
      sizeBytes: (request?.keptBytes ?? 0) + (answer?.keptBytes ?? 0),
      retentionDays: this.#settings.retentionDays,
      finish: () =>
        redactExchange(
          { requestHeaders: this.plan.headers.map(toHeader), request, responseHeaders: this.#headers, answer },
          { rules: this.#settings.redact, injection: this.#injection?.() },
        ),
    }
  }
}

async function* watch(body: AsyncIterable<Buffer>, beginning: Beginning): AsyncGenerator<Buffer> {
  beginning.isOpen = true
  for await (const chunk of body) {
    beginning.add(chunk)
    yield chunk
  }
  beginning.isOpen = false
}

function toHeader([name, value]: readonly [name: string, value: string]): ResponseHeader {
  return { name, value }
}
