/** What is particular to the OAuth flow of each emulated vendor: where it is, whom it knows, how it refreshes. */
import { expect } from 'vitest'
import type { EmulatedService } from '../support/emulate.ts'

export const client = { clientId: 'the-client-id', clientSecret: 'canary-client-secret' }

/** Who consents; the vendor also knows users who never do. */
export const people = ['ada', 'grace'] as const
export type Person = (typeof people)[number]

const titles = { nobody: 'Nobody', ada: 'Ada', grace: 'Grace' }
export const emailOf = (person: string) => `${person}@example.com`

export interface OAuthVendor {
  /** The built-in entry. */
  readonly slug: string
  readonly service: EmulatedService
  readonly basePath: string
  readonly authorizePath: string
  readonly tokenPath: string
  readonly scopes: readonly string[]
  /** The `scope` parameter that is made of them. */
  readonly asksScope: string
  /** What else the entry asks for. */
  readonly asks?: Readonly<Record<string, string>>
  readonly isPkce: boolean
  readonly clientIn: 'header' | 'body'
  /** `kept`: the first refresh token stays good; `rotated`: each is good once; `none`: there is none. */
  readonly refresh: 'kept' | 'rotated' | 'none'
  /** A request whose answer says whose token it came with. */
  readonly whoAmI: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: unknown }
  /** The part of that answer that says it. */
  readonly says: (person: Person) => object
  /** What the connection tells of its account; null where the entry does not ask or the emulator does not answer. */
  readonly account: (person: Person) => object | null
  /** Whether that account is another one for each person. */
  readonly tellsPeopleApart: boolean
}

const google = {
  service: 'google',
  basePath: '',
  authorizePath: '/o/oauth2/v2/auth',
  tokenPath: '/oauth2/token',
  asks: { access_type: 'offline', prompt: 'consent' },
  isPkce: true,
  clientIn: 'body',
  refresh: 'kept',
  // The emulator has neither the profile of Gmail nor the about of Drive.
  account: () => null,
  tellsPeopleApart: false,
} as const

export const vendors: readonly OAuthVendor[] = [
  {
    ...google,
    slug: 'gmail',
    scopes: ['openid', 'https://www.googleapis.com/auth/gmail.modify'],
    asksScope: 'openid https://www.googleapis.com/auth/gmail.modify',
    whoAmI: { method: 'GET', path: '/gmail/v1/users/me/settings/sendAs' },
    says: person => ({ sendAs: [{ sendAsEmail: emailOf(person) }] }),
  },
  {
    ...google,
    slug: 'google-drive',
    scopes: ['https://www.googleapis.com/auth/drive.readonly'],
    asksScope: 'https://www.googleapis.com/auth/drive.readonly',
    whoAmI: { method: 'GET', path: '/drive/v3/files' },
    says: person => ({ files: [{ name: `${person}.txt` }] }),
  },
  {
    slug: 'microsoft-graph',
    service: 'microsoft',
    basePath: '',
    authorizePath: '/oauth2/v2.0/authorize',
    tokenPath: '/oauth2/v2.0/token',
    scopes: ['offline_access', 'User.Read', 'Mail.Read'],
    asksScope: 'offline_access User.Read Mail.Read',
    isPkce: true,
    clientIn: 'body',
    refresh: 'rotated',
    whoAmI: { method: 'GET', path: '/v1.0/me' },
    says: person => ({ displayName: titles[person], mail: emailOf(person) }),
    account: person => ({ id: expect.any(String), name: titles[person], email: emailOf(person), url: null }),
    tellsPeopleApart: true,
  },
  {
    slug: 'okta',
    service: 'okta',
    basePath: '',
    authorizePath: '/oauth2/v1/authorize',
    tokenPath: '/oauth2/v1/token',
    scopes: ['openid', 'offline_access', 'okta.users.read'],
    asksScope: 'openid offline_access okta.users.read',
    isPkce: true,
    clientIn: 'header',
    refresh: 'rotated',
    whoAmI: { method: 'GET', path: '/api/v1/users/me' },
    says: person => ({ profile: { login: emailOf(person) } }),
    account: person => ({
      id: expect.stringMatching(/^00u/),
      name: emailOf(person),
      email: emailOf(person),
      url: null,
    }),
    tellsPeopleApart: true,
  },
  {
    slug: 'linear',
    service: 'linear',
    basePath: '',
    authorizePath: '/oauth/authorize',
    tokenPath: '/oauth/token',
    scopes: ['read', 'write'],
    asksScope: 'read,write',
    asks: { prompt: 'consent' },
    isPkce: true,
    clientIn: 'body',
    refresh: 'rotated',
    whoAmI: { method: 'POST', path: '/graphql', body: { query: '{ viewer { name email } }' } },
    says: person => ({ data: { viewer: { name: titles[person], email: emailOf(person) } } }),
    account: () => null,
    tellsPeopleApart: false,
  },
  {
    slug: 'github',
    service: 'github',
    basePath: '',
    authorizePath: '/login/oauth/authorize',
    tokenPath: '/login/oauth/access_token',
    scopes: ['repo', 'user:email'],
    asksScope: 'repo user:email',
    isPkce: true,
    clientIn: 'body',
    refresh: 'none',
    whoAmI: { method: 'GET', path: '/user' },
    says: person => ({ login: person }),
    account: person => ({
      id: expect.stringMatching(/^\d+$/),
      name: person,
      email: emailOf(person),
      url: expect.stringContaining(person),
    }),
    tellsPeopleApart: true,
  },
  {
    slug: 'slack',
    service: 'slack',
    basePath: '/api',
    authorizePath: '/oauth/v2/authorize',
    tokenPath: '/api/oauth.v2.access',
    scopes: ['chat:write', 'channels:read'],
    asksScope: 'chat:write,channels:read',
    isPkce: false,
    clientIn: 'header',
    refresh: 'none',
    whoAmI: { method: 'POST', path: '/auth.test' },
    // Whoever consents, the token is the one of the app's bot.
    says: () => ({ ok: true, user: 'gate-bot', user_id: 'U0GATEBOT' }),
    account: () => ({
      id: 'U0GATEBOT',
      name: 'gate-bot',
      email: null,
      url: expect.stringMatching(/^https:\/\/.*slack\.com\//),
    }),
    tellsPeopleApart: false,
  },
]

/** To a token that it does not know an emulator answers as its first user: nobody, in these tests. */
export function seedFor(redirectUri: string): object {
  const registered = {
    client_id: client.clientId,
    client_secret: client.clientSecret,
    name: 'Gate',
    redirect_uris: [redirectUri],
  }
  const users = Object.entries(titles).map(([login, name]) => ({ login, name, email: emailOf(login) }))
  return {
    google: {
      users,
      oauth_clients: [registered],
      drive_items: people.map(person => ({
        user_email: emailOf(person),
        name: `${person}.txt`,
        mime_type: 'text/plain',
        data: 'x',
      })),
    },
    microsoft: { users, oauth_clients: [registered] },
    okta: {
      users: users.map(({ email, name }) => ({ login: email, email, first_name: name, last_name: 'Test' })),
      oauth_clients: [{ ...registered, auth_server_id: 'org' }],
    },
    linear: { users, oauth_apps: [{ ...registered, scopes: ['read', 'write'], actor: 'user' }] },
    github: { users, oauth_apps: [registered] },
    slack: {
      users: users.map(({ login, name, email }) => ({ name: login, real_name: name, email })),
      oauth_apps: [
        { ...registered, scopes: ['chat:write', 'channels:read'], bot_name: 'gate-bot', bot_user_id: 'U0GATEBOT' },
      ],
    },
  }
}
