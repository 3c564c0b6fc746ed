/** Built-in entries pointed at the emulated vendors, and the way of an end user through both pages. */
import { type EmulatedService, startEmulators } from '../support/emulate.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createRecorder, type Recorder } from '../support/recorder.ts'
import { createVisitor, type Page, type Visitor } from '../support/visitor.ts'
import { client, emailOf, type OAuthVendor, type Person, seedFor, vendors } from './emulate-oauth-vendors.ts'

const returnUrl = 'https://app.example/done'

export interface OAuthRoad extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly redirectUri: string
  /** Stands before the vendor and remembers what came. */
  vendorOf(vendor: OAuthVendor): Recorder
  /** Up to the gateway's callback, which is not visited yet. */
  consent(
    vendor: OAuthVendor,
    person: Person,
    session?: object,
  ): Promise<{ readonly visitor: Visitor; readonly callback: URL }>
  /** All the way. @returns the connection's id */
  connect(vendor: OAuthVendor, person: Person): Promise<string>
  /** From a link of the gateway to the callback. */
  consentAt(visitor: Visitor, url: string, vendor: OAuthVendor, person: Person): Promise<URL>
  /** Posts a form to the vendor's token endpoint past the gateway. */
  askForToken(vendor: OAuthVendor, params: Record<string, string>): Promise<TokenAnswer>
  /** What the vendor gives this person past the gateway, to the same client. */
  takeTokens(vendor: OAuthVendor, person: Person): Promise<{ accessToken: string; refreshToken: string }>
}

interface TokenAnswer {
  readonly status: number
  readonly body: { readonly access_token?: string; readonly refresh_token?: string; readonly error?: string }
}

export async function openOAuthRoad(): Promise<OAuthRoad> {
  await using stack = new AsyncDisposableStack()
  // The vendors have to know the gateway's address before they start.
  const gateway = stack.use(await createGateway({ allow: ['127.0.0.0/8'] }))
  const redirectUri = new URL('oauth/callback', gateway.url).href
  const emulators = stack.use(await startEmulators(seedFor(redirectUri)))
  const recorders = new Map<EmulatedService, Recorder>()
  for (const { service } of vendors) {
    if (!recorders.has(service)) recorders.set(service, stack.use(await createRecorder(emulators[service].url)))
  }

  function vendorOf({ service }: OAuthVendor): Recorder {
    const recorder = recorders.get(service)
    if (recorder === undefined) throw new TypeError(`there is no ${service}`)
    return recorder
  }

  for (const vendor of vendors) {
    const { url } = vendorOf(vendor)
    await gateway.ask(
      'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }',
      {
        input: {
          slug: vendor.slug,
          baseUrl: `${url}${vendor.basePath}`,
          authorizationUrl: `${url}${vendor.authorizePath}`,
          tokenUrl: `${url}${vendor.tokenPath}`,
          oauthClient: client,
          scopes: vendor.scopes,
        },
      },
    )
  }

  async function consentAt(visitor: Visitor, url: string, vendor: OAuthVendor, person: Person): Promise<URL> {
    const left = await visitor.submit(await visitor.visit(url), { integration: vendor.slug, scheme: 'oauth2' })
    return await agree(visitor, left.location ?? `the gateway's page answered ${left.status}: ${left.html}`, person)
  }

  async function consent(vendor: OAuthVendor, person: Person, session: object = {}) {
    const visitor = createVisitor()
    const { createConnectSession } = await gateway.ask(
      'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }',
      { input: { endUserId: person, integrations: [vendor.slug], returnUrl, state: 'st-1', ...session } },
    )
    return { visitor, callback: await consentAt(visitor, createConnectSession.url, vendor, person) }
  }

  async function askForToken(vendor: OAuthVendor, params: Record<string, string>): Promise<TokenAnswer> {
    const { clientId: client_id, clientSecret: client_secret } = client
    const response = await fetch(`${vendorOf(vendor).url}${vendor.tokenPath}`, {
      method: 'POST',
      body: new URLSearchParams({ client_id, client_secret, ...params }),
    })
    return { status: response.status, body: await response.json() }
  }

  const owned = stack.move()
  return {
    gateway,
    redirectUri,
    vendorOf,
    consent,
    consentAt,
    async connect(vendor, person) {
      const { visitor, callback } = await consent(vendor, person)
      const { location = '', html } = await visitor.visit(callback.href)
      const id = location.startsWith(`${returnUrl}?state=st-1`)
        ? new URL(location).searchParams.get('connection_id')
        : null
      if (id === null) throw new Error(`no connection came of it: ${location} ${html}`)
      return id
    },
    askForToken,
    async takeTokens(vendor, person) {
      const asked = new URL(`${vendorOf(vendor).url}${vendor.authorizePath}`)
      const params = {
        response_type: 'code',
        client_id: client.clientId,
        redirect_uri: redirectUri,
        scope: vendor.asksScope,
      }
      asked.search = String(new URLSearchParams(params))
      const code = (await agree(createVisitor(), asked.href, person)).searchParams.get('code') ?? ''
      const { body } = await askForToken(vendor, { grant_type: 'authorization_code', code, redirect_uri: redirectUri })
      return { accessToken: body.access_token ?? '', refreshToken: body.refresh_token ?? '' }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** @returns where the vendor's page sends the browser */
async function agree(visitor: Visitor, url: string, person: Person): Promise<URL> {
  const back = await visitor.submit(chooseAccount(await visitor.visit(url), person), {})
  return new URL(back.location ?? `the vendor answered ${back.status}: ${back.html}`)
}

/** The vendor's page has a form for each account that it knows; what is left is the one of this person. */
function chooseAccount(page: Page, person: Person): Page {
  const forms = page.html.match(/<form[\s\S]*?<\/form>/g) ?? []
  const form = forms.find(text => text.includes(emailOf(person)))
  const action = /action="([^"]+)"/.exec(form ?? '')?.[1]
  if (form === undefined || action === undefined) {
    throw new Error(`no account of ${person} on the page of ${page.url} (${page.status}): ${page.html}`)
  }
  return { ...page, url: new URL(action, page.url).href, html: form }
}
