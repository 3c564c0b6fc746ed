/** Slack’s client on the raw route: only its base URL and its token are changed. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmulators } from '../support/emulate.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createRecorder } from '../support/recorder.ts'
import type { Upstream } from '../support/upstream.ts'
import { configure, createCallKey, loadSdk, rawUrl, runAs } from '../support/vendor-sdk.ts'

interface Message {
  readonly text: string
  readonly user: string
}

interface SlackClient {
  readonly auth: { test(): Promise<{ ok: boolean; user: string; user_id: string }> }
  readonly chat: {
    postMessage(message: object): Promise<{ ok: boolean; channel: string; ts: string; message: Message }>
  }
  readonly conversations: {
    history(request: object): Promise<{ messages: Message[] }>
    create(request: object): Promise<{ channel: { id: string; name: string; creator: string } }>
  }
  paginate(method: string, options: object): AsyncIterable<{ channels: { name: string }[] }>
  filesUploadV2(file: object): Promise<{ ok: boolean; files: { files: { name: string; user: string }[] }[] }>
}

interface SlackOptions {
  readonly slackApiUrl: string
  readonly fetch?: typeof fetch
  readonly retryConfig?: { readonly retries: number }
  readonly logLevel?: 'error'
}

const { WebClient } = loadSdk<{ WebClient: new (token: string, options: SlackOptions) => SlackClient }>(
  '@slack/web-api',
)

const scopes = ['chat:write', 'channels:read', 'channels:history', 'channels:manage', 'files:write', 'files:read']
/** To a token it does not know the emulator answers as its first user. */
const seed = {
  slack: {
    users: [{ name: 'nobody' }, { name: 'ada' }, { name: 'grace' }],
    channels: [{ name: 'general' }, { name: 'random' }, { name: 'lunch' }],
    tokens: [
      { token: 'xoxb-ada', user: 'ada', scopes },
      { token: 'xoxb-grace', user: 'grace', scopes },
    ],
  },
}

const stack = new AsyncDisposableStack()
let slack: Upstream
let gateway: TestGateway
let key: string
let ada: string
let grace: string

beforeAll(async () => {
  const emulators = stack.use(await startEmulators(seed))
  slack = stack.use(await createRecorder(emulators.slack.url))
  gateway = stack.use(await createGateway({ allow: [slack.host] }))
  await configure(gateway, { slug: 'slack', baseUrl: `${slack.url}/api` })
  const connect = (endUserId: string, token: string) =>
    gateway.createConnection({ integration: 'slack', endUserId, credential: { bearer: { token } } })
  ada = await connect('ada', 'xoxb-ada')
  grace = await connect('grace', 'xoxb-grace')
  key = await createCallKey(gateway)
})

afterAll(async () => {
  await stack.disposeAsync()
})

const client = (connectionId: string, options: Partial<SlackOptions> = {}) =>
  new WebClient(key, { slackApiUrl: rawUrl(gateway, connectionId), ...options })

const accountOf = (connectionId: string) => ({
  gateway,
  vendor: slack,
  connectionId,
  account: { authorization: connectionId === ada ? 'Bearer xoxb-ada' : 'Bearer xoxb-grace' },
  key,
})

async function as<Result>(connectionId: string, run: () => Promise<Result>): Promise<Result> {
  return (await runAs(accountOf(connectionId), run)).result
}

test('two connections are two users to the same client', async () => {
  expect(await as(ada, () => client(ada).auth.test())).toMatchObject({ ok: true, user: 'ada' })
  expect(await as(grace, () => client(grace).auth.test())).toMatchObject({ ok: true, user: 'grace' })
})

test('a message is posted as a form in the name of the connection’s user and is read again', async () => {
  const text = 'Ünïcode & <tags> = fine + well\n%20'
  const [posted, history] = await as(grace, async () => {
    const { chat, conversations } = client(grace)
    const message = await chat.postMessage({ channel: 'general', text, blocks: [{ type: 'divider' }] })
    return [message, await conversations.history({ channel: message.channel, limit: 1 })] as const
  })
  expect(slack.seen.at(-1)?.headers['content-type']).toContain('application/x-www-form-urlencoded')
  const { user_id } = await client(grace).auth.test()
  expect(posted).toMatchObject({ ok: true, message: { text, user: user_id } })
  expect(history.messages).toMatchObject([{ text, user: user_id }])
})

test('paginate follows the cursors to the end', async () => {
  const names = await as(ada, async () => {
    const found: string[] = []
    for await (const page of client(ada).paginate('conversations.list', { limit: 1 }))
      found.push(...page.channels.map(({ name }) => name))
    return found
  })
  expect(names).toEqual(expect.arrayContaining(['general', 'random', 'lunch']))
  expect(slack.seen.slice(-names.length).filter(({ text }) => text.includes('cursor='))).toHaveLength(names.length - 1)
})

test('Slack’s own no is an error of the client’s own kind', async () => {
  await as(ada, async () => {
    const failure = client(ada).chat.postMessage({ channel: 'nowhere', text: 'x' })
    await expect(failure).rejects.toMatchObject({ code: 'slack_webapi_platform_error', data: { ok: false } })
  })
})

test('a refusal of the gateway is an error of the client’s own kind', async () => {
  const before = slack.seen.length
  const options = { slackApiUrl: rawUrl(gateway, ada), retryConfig: { retries: 0 }, logLevel: 'error' } as const
  const failure = new WebClient('pgk_wrong', options).auth.test()
  await expect(failure).rejects.toMatchObject({ code: 'slack_webapi_http_error', statusCode: 401 })
  expect(slack.seen.length).toBe(before)
})

/**
 * The address that a file goes to stands in a body, and bodies are the vendor's byte for byte. This client sends its token
 * there too, so it needs a fetch that keeps it at home; the address is signed and asks for none.
 */
test('a file is uploaded, and a fetch of one line keeps the key from the address in the body', async () => {
  const direct: [string, string | null][] = []
  const upload = (connectionId: string, isSafe: boolean) =>
    client(connectionId, {
      fetch: async (url, init) => {
        const headers = new Headers(init?.headers)
        if (String(url).startsWith(gateway.url)) return await fetch(url, init)
        if (isSafe) headers.delete('authorization')
        direct.push([String(url), headers.get('authorization')])
        return await fetch(url, { ...init, headers })
      },
    }).filesUploadV2({ channel_id: undefined, filename: 'a.txt', file: Buffer.from('hello') })
  const { ok, files } = await as(ada, () => upload(ada, true))
  expect([ok, files[0]?.files[0]?.name]).toEqual([true, 'a.txt'])
  await upload(ada, false)
  expect(direct).toEqual([
    [expect.stringContaining('/upload/v1/'), null],
    [expect.stringContaining('/upload/v1/'), `Bearer ${key}`],
  ])
})
