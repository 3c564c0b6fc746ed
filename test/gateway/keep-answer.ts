/** What is kept of an answer. */
import { emptyInjection, type Injection } from '../../src/auth/strategy.ts'
import { redactExchange } from '../../src/gateway/exchange-redaction.ts'
import { Beginning } from '../../src/gateway/kept-exchange.ts'

function beginningOf(body: string | Buffer, maxBytes = 1000): Beginning {
  const beginning = new Beginning(maxBytes)
  beginning.add(Buffer.from(body))
  return beginning
}

export async function keep(
  body: string | Buffer,
  {
    rules = [] as readonly string[],
    injection = undefined as Partial<Injection> | undefined,
    headers = {} as Record<string, string>,
    maxBytes = 1000,
  } = {},
) {
  const responseHeaders = Object.entries(headers).map(([name, value]) => ({ name, value }))
  const taken = { requestHeaders: [], request: null, responseHeaders, answer: beginningOf(body, maxBytes) }
  const added = injection && { ...emptyInjection, ...injection }
  const exchange = await redactExchange(taken, { rules, injection: added })
  return { ...exchange, body: exchange.responseBody, text: exchange.responseBody?.bytes?.toString() }
}
