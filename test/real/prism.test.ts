/** Prism on the documents of Slack, GitLab and Trello: without the right credential it refuses, with it it answers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { readQuery } from '../support/passthrough.ts'
import { startPrism } from '../support/prism.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

const configure =
  'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }'

beforeAll(async () => {
  const documents = ['slack.com', 'gitlab.com', 'trello.com']
  const prisms = await Promise.all(documents.map(async id => stack.use(await startPrism(id))))
  const [slack = '', gitlab = '', trello = ''] = prisms.map(({ url }) => url)
  gateway = stack.use(await createGateway({ allow: prisms.map(({ host }) => host) }))
  await gateway.ask(configure, { input: { slug: 'slack', baseUrl: slack } })
  await gateway.ask(configure, { input: { slug: 'trello', baseUrl: trello } })
  const custom = {
    'slack-open': [slack, { scheme: 'none' }],
    'slack-basic': [slack, { scheme: 'basic' }],
    // The published document calls GitLab's header so.
    'gitlab-v3': [`${gitlab}/v3`, { scheme: 'apiKey', inject: { headers: { private_header: '{apiKey}' } } }],
    'gitlab-bearer': [`${gitlab}/v3`, { scheme: 'bearer' }],
    'gitlab-open': [`${gitlab}/v3`, { scheme: 'none' }],
    'trello-open': [trello, { scheme: 'none' }],
    'trello-key': [trello, { scheme: 'apiKey', inject: { query: { key: '{apiKey}' } } }],
    'trello-token': [trello, { scheme: 'apiKey', inject: { query: { token: '{apiKey}' } } }],
  }
  for (const [slug, [baseUrl, auth]] of Object.entries(custom))
    await gateway.createIntegration({ slug, name: slug, baseUrl, auth: [auth] })
}, 120_000)

afterAll(async () => {
  await stack.disposeAsync()
})

async function read(integration: string, credential: object, path: string) {
  const connectionId = await gateway.createConnection({ integration, endUserId: 'user-1', credential })
  return (await gateway.ask(readQuery, { connectionId, path })).passthrough
}

describe('Slack’s document, a bearer token', () => {
  test('the built-in entry is accepted', async () => {
    const answer = await read('slack', { bearer: { token: 'xoxb-1' } }, '/conversations.list')
    expect(answer).toMatchObject({ status: 200, ok: true, body: { ok: true } })
    expect(answer.body.channels[0].id).toBe('C012AB3CD')
  })

  test('a request without a credential is refused', async () => {
    const answer = await read('slack-open', { none: {} }, '/conversations.list')
    expect(answer).toMatchObject({ status: 401, ok: false, body: { ok: false, error: 'invalid_auth' } })
  })

  test('a request with another scheme is refused', async () => {
    const answer = await read('slack-basic', { basic: { username: 'u', password: 'p' } }, '/conversations.list')
    expect(answer).toMatchObject({ status: 401, body: { ok: false, error: 'invalid_auth' } })
  })
})

describe('GitLab’s document, a key in a header', () => {
  const refusal = { title: 'Invalid security scheme used', status: 401 }

  test('the header it names is accepted', async () => {
    const answer = await read('gitlab-v3', { apiKey: { key: 'glpat-1' } }, '/projects?per_page=2')
    expect(answer).toMatchObject({ status: 200, body: { path_with_namespace: 'string' } })
  })

  test('a request without a credential is refused', async () => {
    const answer = await read('gitlab-open', { none: {} }, '/projects?per_page=2')
    expect(answer).toMatchObject({ status: 401, body: refusal })
  })

  test('the same key in another header is refused', async () => {
    const answer = await read('gitlab-bearer', { bearer: { token: 'glpat-1' } }, '/projects?per_page=2')
    expect(answer).toMatchObject({ status: 401, body: refusal })
  })
})

describe('Trello’s document, a key and a token in the query', () => {
  test('the built-in entry is accepted', async () => {
    const answer = await read('trello', { basic: { username: 'key', password: 'token' } }, '/members/me')
    expect(answer).toMatchObject({ status: 200, ok: true })
  })

  test('a request without a credential is refused', async () => {
    const answer = await read('trello-open', { none: {} }, '/members/me')
    expect(answer).toMatchObject({ status: 401, body: { title: 'Invalid security scheme used' } })
  })

  test.each(['trello-key', 'trello-token'])('one of the two alone (%s) is refused', async integration => {
    const answer = await read(integration, { apiKey: { key: 'half' } }, '/members/me')
    expect(answer).toMatchObject({ status: 400, ok: false })
  })
})
