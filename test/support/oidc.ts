/**
 * A real authorization server (oidc-provider, a certified code base) on loopback: PKCE is required, refresh tokens rotate, and
 * one that is used twice ends the whole grant. Other processes reach it by its URLs; its counters are read in the process that
 * started it. Its userinfo is the protected upstream: 200 with the account, or a real 401.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { OidcStorage } from './oidc-storage.ts'

export interface OidcClient {
  readonly clientId: string
  readonly clientSecret?: string
  /** PEM, for `private_key_jwt`. */
  readonly privateKey?: string
}

export interface OidcOptions {
  /** 3600 unless given. */
  readonly accessTokenSeconds?: number
  readonly refreshTokenSeconds?: number
  /** Whether each refresh gives a new refresh token; true unless given. */
  readonly rotate?: boolean
  /** How long a spent refresh token is still taken; 0 unless given. */
  readonly graceSeconds?: number
  /** Where browsers are sent back to; `http://127.0.0.1/oauth/callback` with any port (RFC 8252 §7.3) unless given. */
  readonly redirectUris?: readonly string[]
  /** More clients, as metadata of RFC 7591. */
  readonly clients?: readonly Readonly<Record<string, unknown>>[]
  /** False: a page asks for the account and for consent, for tests that have a browser. */
  readonly autoConsent?: boolean
}

/** A request to the token endpoint and how it was answered. */
export interface OidcTokenRequest {
  readonly grantType: string
  readonly status: number
  readonly error?: string | undefined
}

export interface OidcServer extends AsyncDisposable {
  /** The issuer too. */
  readonly url: string
  /** `127.0.0.1:port`, as a pin and as an egress exemption. */
  readonly host: string
  readonly authorizationUrl: string
  readonly tokenUrl: string
  readonly revocationUrl: string
  readonly introspectionUrl: string
  readonly userinfoUrl: string
  /** One client for each way to prove itself; `odd` is basic with characters that forms encode. */
  readonly clients: Readonly<Record<'basic' | 'post' | 'public' | 'jwt' | 'odd', OidcClient>>
  readonly tokenRequests: readonly OidcTokenRequest[]
  /** How many token requests there were, failed ones too. */
  countTokenRequests(grantType?: string): number
  /** The token endpoint answers so, so many times (for good unless given), or until `heal`. */
  failTokenRequests(answer: OidcFailure, times?: number): void
  heal(): void
  /** What the consent page does from now on, with `autoConsent`. */
  consent: 'give' | 'deny'
  /** All that the account gave is void: tokens, codes, grants. */
  withdrawConsent(accountId: string): void
  /** A browser's way from the authorization URL: through log-in and consent, up to the redirect URI, which is not visited. */
  browse(authorizationUrl: string): Promise<URL>
}

export interface OidcFailure {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Who logs in when the authorization request has no `login_hint`. */
export const defaultAccount = 'alice'

export async function startOidc(options: OidcOptions = {}): Promise<OidcServer> {
  const { graceSeconds = 0, redirectUris = ['http://127.0.0.1/oauth/callback'] } = options
  const storage = new OidcStorage(graceSeconds)
  const { clients, metadata } = createClients(redirectUris)
  const tokenRequests: OidcTokenRequest[] = []
  let failure: { answer: OidcFailure; left: number } | undefined
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {}

  const listener = createServer((request, response) => {
    const isToken = request.method === 'POST' && request.url === '/token'
    if (!isToken || failure === undefined || failure.left === 0) return handle(request, response)
    failure.left -= 1
    const { status, body = '', headers = {} } = failure.answer
    void readForm(request).then(form => {
      tokenRequests.push({ grantType: form.get('grant_type') ?? '', status })
      response.writeHead(status, headers).end(body)
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(listener.address() as AddressInfo).port}`
  const url = `http://${host}`

  const server: OidcServer = {
    url,
    host,
    authorizationUrl: `${url}/auth`,
    tokenUrl: `${url}/token`,
    revocationUrl: `${url}/token/revocation`,
    introspectionUrl: `${url}/token/introspection`,
    userinfoUrl: `${url}/me`,
    clients,
    tokenRequests,
    consent: 'give',
    countTokenRequests: grantType =>
      tokenRequests.filter(request => grantType === undefined || request.grantType === grantType).length,
    failTokenRequests(answer, times = Number.POSITIVE_INFINITY) {
      failure = { answer, left: times }
    },
    heal() {
      failure = undefined
    },
    withdrawConsent: accountId => storage.forget(accountId),
    browse: authorizationUrl => browse(authorizationUrl, url),
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      await new Promise(resolve => listener.close(resolve))
    },
  }

  const provider = new Provider(url, configure(options, storage, [...metadata, ...(options.clients ?? [])]))
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.path !== '/token') return
    const body: unknown = ctx.body
    const error =
      typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string'
        ? body.error
        : undefined
    tokenRequests.push({ grantType: ctx.oidc?.params?.grant_type ?? '', status: ctx.status, error })
  })
  if (options.autoConsent ?? true) consentFor(provider, server)
  handle = provider.callback()
  return server
}

function configure(options: OidcOptions, storage: OidcStorage, clients: readonly object[]): object {
  const { accessTokenSeconds = 3600, refreshTokenSeconds = 86_400, rotate = true, autoConsent = true } = options
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    adapter: storage.adapterOf,
    clients,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt'],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'signing' }] },
    cookies: { keys: ['a key for the tests'] },
    scopes: ['openid', 'offline_access', 'email', 'contacts.read', 'contacts.write'],
    pkce: { required: () => true },
    rotateRefreshToken: rotate,
    issueRefreshToken: async (_ctx: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
      client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    findAccount: async (_ctx: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({ sub: accountId, email: `${accountId}@example.com` }),
    }),
    claims: { openid: ['sub'], email: ['email'] },
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      RefreshToken: refreshTokenSeconds,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      Session: 86_400,
      Grant: 86_400,
    },
    renderError: async (ctx: { type: string; body: unknown }, out: Readonly<Record<string, unknown>>) => {
      ctx.type = 'json'
      ctx.body = out
    },
    features: {
      introspection: { enabled: true, allowedPolicy: async () => true },
      revocation: { enabled: true, allowedPolicy: isOwner },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: !autoConsent },
    },
    ...(autoConsent ? { interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => `/interact/${uid}` } } : {}),
  }
}

async function isOwner(_ctx: unknown, client: { clientId: string }, token: { clientId: string }): Promise<boolean> {
  return client.clientId === token.clientId
}

/** The end user, who agrees at once or never does. */
function consentFor(provider: Provider, server: OidcServer): void {
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interact/')) return await next()
    const { params } = await provider.interactionDetails(ctx.req, ctx.res)
    const { login_hint: accountId = defaultAccount, client_id: clientId = '', scope = 'openid' } = params
    const finish = (result: object) =>
      provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
    ctx.respond = false
    if (server.consent === 'deny') {
      return await finish({ error: 'access_denied', error_description: 'The end user said no.' })
    }
    const grant = new provider.Grant({ accountId, clientId })
    grant.addOIDCScope(scope)
    await finish({ login: { accountId }, consent: { grantId: await grant.save() } })
  })
}

function createClients(redirectUris: readonly string[]) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const clients = {
    basic: { clientId: 'basic-client', clientSecret: 'secret-of-the-basic-client' },
    post: { clientId: 'post-client', clientSecret: 'secret-of-the-post-client' },
    public: { clientId: 'public-client' },
    jwt: { clientId: 'jwt-client', privateKey: pem },
    odd: { clientId: 'odd:client/1', clientSecret: 'a+b c%20d/e=&:~!(secret)' },
  } as const
  const common = {
    // The one kind whose redirect may come back to any port of the loopback address.
    application_type: 'native',
    redirect_uris: redirectUris,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types: ['code'],
  }
  const secretOf = (client: OidcClient) => ({ client_id: client.clientId, client_secret: client.clientSecret })
  const metadata = [
    { ...common, ...secretOf(clients.basic), token_endpoint_auth_method: 'client_secret_basic' },
    { ...common, ...secretOf(clients.post), token_endpoint_auth_method: 'client_secret_post' },
    { ...common, ...secretOf(clients.odd), token_endpoint_auth_method: 'client_secret_basic' },
    {
      ...common,
      client_id: clients.public.clientId,
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    },
    {
      ...common,
      client_id: clients.jwt.clientId,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
    },
  ]
  return { clients, metadata }
}

async function browse(authorizationUrl: string, origin: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let at = new URL(authorizationUrl)
  for (let hops = 0; at.origin === origin; hops += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(at, { redirect: 'manual', headers: { cookie } })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = answer.headers.get('location')
    if (location === null || hops > 10) {
      throw new Error(`the authorization server shows a page with status ${answer.status}: ${await answer.text()}`)
    }
    at = new URL(location, at)
  }
  return at
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
