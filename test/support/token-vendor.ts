/**
 * A vendor whose tokens end: one account, a token endpoint with rotation and reuse detection, and an API that takes the
 * newest access token only. What it does wrong is switched on by tests.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TokenVendor extends AsyncDisposable {
  readonly url: string
  readonly host: string
  /** Tokens as they are now. */
  readonly tokens: { access: string; refresh: string }
  /** Every token request, with its form. */
  readonly requests: URLSearchParams[]
  /** Every visit of the consent page, with what was asked. */
  readonly authorizations: URLSearchParams[]
  /** Every API request's authorization, and how it was answered. */
  readonly calls: { authorization: string | undefined; status: number; method: string; body: string }[]
  behaviour: {
    /** Status of the token endpoint in place of an answer, with this body. */
    failWith?: { status: number; body: string; headers?: Record<string, string> } | undefined
    /** Waits so long before it answers a token request. */
    delayMs?: number
    /** A spent refresh token is taken once more for so long, for those who never got the answer. */
    graceMs?: number
    /** Gives no new refresh token; the old one stays good. */
    keepsRefreshToken?: boolean
    expiresIn?: number
    /** Refuses every access token. */
    refusesAll?: boolean
    /** The consent page says no. */
    deniesConsent?: boolean
    /** Whose account answers; `acc-1` unless given. */
    account?: string
    /** What the consent page adds to the way back, and the token endpoint to its answer. */
    brings?: { redirect?: Record<string, string>; answer?: Record<string, unknown> }
  }
  /** The access token ends now. */
  expire(): void
  /** An integration's definition for it. */
  definition(slug: string, more?: object): object
}

export async function createTokenVendor(): Promise<TokenVendor> {
  const tokens = { access: newToken(), refresh: newToken() }
  const requests: URLSearchParams[] = []
  const calls: TokenVendor['calls'] = []
  const authorizations: URLSearchParams[] = []
  const spent = new Map<string, number>()
  const codes = new Map<string, { challenge: string | null; redirectUri: string }>()
  const behaviour: TokenVendor['behaviour'] = {}
  let isDead = false

  async function answerToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await readText(request))
    requests.push(form)
    const given = form.get('refresh_token') ?? ''
    await sleep(behaviour.delayMs ?? 0)
    const { failWith } = behaviour
    if (failWith !== undefined) return send(response, failWith.status, failWith.body, failWith.headers)
    if (form.get('grant_type') === 'authorization_code') {
      const code = codes.get(form.get('code') ?? '')
      codes.delete(form.get('code') ?? '')
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url')
      const isGood = code !== undefined && code.redirectUri === form.get('redirect_uri')
      if (!isGood || (code.challenge !== null && code.challenge !== challenge)) {
        return send(response, 400, JSON.stringify({ error: 'invalid_grant' }))
      }
      isDead = false
    }
    // RFC 9700 §4.14.2: a spent refresh token ends the whole grant.
    const spentAt = spent.get(given)
    const isInGrace = spentAt !== undefined && Date.now() - spentAt < (behaviour.graceMs ?? 0)
    if (spentAt !== undefined && !isInGrace) isDead = true
    const isOther = form.get('grant_type') === 'refresh_token' && given !== tokens.refresh && !isInGrace
    if (isDead || isOther) {
      return send(response, 400, JSON.stringify({ error: 'invalid_grant', error_description: 'no such token' }))
    }
    tokens.access = newToken()
    if (behaviour.keepsRefreshToken !== true) {
      spent.set(tokens.refresh, Date.now())
      tokens.refresh = newToken()
    }
    const refresh = behaviour.keepsRefreshToken === true ? {} : { refresh_token: tokens.refresh }
    const answer = {
      access_token: tokens.access,
      token_type: 'Bearer',
      expires_in: behaviour.expiresIn ?? 3600,
      ...refresh,
      ...behaviour.brings?.answer,
    }
    send(response, 200, JSON.stringify(answer))
  }

  /** Consents at once, as an end user who is signed in would. */
  function answerAuthorize(request: IncomingMessage, response: ServerResponse): void {
    const asked = new URL(request.url ?? '', url).searchParams
    const back = new URL(asked.get('redirect_uri') ?? '')
    const state = asked.get('state')
    if (state !== null) back.searchParams.set('state', state)
    for (const [name, value] of Object.entries(behaviour.brings?.redirect ?? {})) back.searchParams.set(name, value)
    if (behaviour.deniesConsent) back.searchParams.set('error', 'access_denied')
    else {
      const code = randomBytes(8).toString('hex')
      codes.set(code, { challenge: asked.get('code_challenge'), redirectUri: asked.get('redirect_uri') ?? '' })
      back.searchParams.set('code', code)
    }
    authorizations.push(asked)
    response.writeHead(302, { location: back.href }).end()
  }

  async function answerApi(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization, 'x-token': token } = request.headers
    const body = await readText(request)
    const isGood = !behaviour.refusesAll && (authorization === `Bearer ${tokens.access}` || token === tokens.access)
    const status = isGood ? 200 : 401
    calls.push({ authorization, status, method: request.method ?? '', body })
    send(
      response,
      status,
      JSON.stringify(
        isGood ? { ok: true, account: behaviour.account ?? 'acc-1', echoed: body } : { error: 'unauthorized' },
      ),
    )
  }

  const server = createServer((request, response) => {
    if (request.url?.startsWith('/authorize')) return answerAuthorize(request, response)
    const answer = request.url?.startsWith('/token') ? answerToken : answerApi
    answer(request, response).catch(error => response.destroy(error))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    host: `127.0.0.1:${port}`,
    tokens,
    requests,
    calls,
    authorizations,
    behaviour,
    expire() {
      tokens.access = newToken()
    },
    definition: (slug, more = {}) => ({
      slug,
      name: 'Token vendor',
      categories: ['test'],
      baseUrl: url,
      auth: [{ scheme: 'oauth2', authorizationUrl: `${url}/authorize`, tokenUrl: `${url}/token` }],
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function newToken(): string {
  return `tok_${randomBytes(12).toString('hex')}`
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
