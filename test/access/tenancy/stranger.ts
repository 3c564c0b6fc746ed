/** Two workspaces on one gateway, and what one of them can try to see or change of the other. */
import { createGateway, type GraphQLAnswer, type TestGateway } from '../../support/gateway.ts'
import { createUpstream, sendJson, type Upstream } from '../../support/upstream.ts'
import type { Variables } from './arguments.ts'
import { type Possessions, resolve, shared } from './possessions.ts'
import { settle } from './rows.ts'
import { listRootFields } from './schema-walk.ts'
import { type Contents, type FilledWorkspace, fillWorkspace } from './workspace-contents.ts'

/** In all that is the victim's own; nothing that the stranger has or sends holds it. */
export const privateText = /private-[0-9a-f]{16}/

export interface Meeting extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly vendor: Upstream
}

export interface Pair {
  readonly victim: FilledWorkspace
  readonly stranger: FilledWorkspace
}

export async function createMeeting(): Promise<Meeting> {
  await using parts = new AsyncDisposableStack()
  // An account at the vendor holds what only its owner may read.
  const vendor = parts.use(
    await createUpstream(({ headers }, response) => sendJson(response, { account: ownerOf(headers.authorization) })),
  )
  const gateway = parts.use(await createGateway({ allow: [vendor.host] }))
  const owned = parts.move()
  return { gateway, vendor, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function ownerOf(authorization = ''): string {
  return authorization.includes('private-') ? 'private-00112233445566ff' : 'own'
}

export async function createPair({ gateway, vendor }: Meeting, sizes: readonly [Contents, Contents]): Promise<Pair> {
  const vendorUrl = vendor.url
  const fill = async (word: string, size: Contents) =>
    fillWorkspace(gateway, { key: await gateway.createWorkspace(), word, vendorUrl, size })
  return { victim: await fill('private', sizes[0]), stranger: await fill('own', sizes[1]) }
}

export type CallerName = 'key' | 'session' | 'boundKey'

export interface Attempt {
  /** Such as `Query.node`. */
  readonly field: string
  readonly variables: Variables
  readonly caller: CallerName
}

export interface Outcome {
  readonly answer: GraphQLAnswer
  /** What of `possessions` was sent. */
  readonly used: readonly string[]
}

const documents = new Map(listRootFields().map(({ root, name, document }) => [`${root}.${name}`, document]))

/** Sends it as the stranger, with what it names taken from `possessions`. */
export async function send(
  gateway: TestGateway,
  stranger: FilledWorkspace,
  { field, variables, caller }: Attempt,
  possessions: Possessions,
): Promise<Outcome> {
  const { value, used } = resolve(variables, possessions)
  const answer = await gateway.run(documents.get(field) ?? '', value, stranger[caller])
  await settle(gateway)
  return { answer, used }
}

const volatile: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/"((?:\w+_)?(?:lastUsedAt|verifiedAt))":(?:null|"TIME")/g, '"$1":TIME'],
  [/"((?:\w+_)?(?:durationMs|queuedMs|connectMs|firstByteMs|totalMs))":[\d.e-]+/g, '"$1":0'],
  [/"date","value":"[^"]+"/gi, '"date","value":TIME'],
  [/\/(connect|downloads)\/[\w-]+/g, '/$1/TOKEN'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'TOKEN'],
  [/\b(pgk_|whsec_)[\w+/=-]+/g, '$1SECRET'],
  [/\b[0-9a-f]{64}\b/g, 'SHA256'],
  [/"requestId":"[^"]+"/g, '"requestId":ID'],
  // One more connection each time.
  [/("createConnection".*)"connectionCount":\d+(.*)/s, '$1"connectionCount":COUNT$2'],
  [/("createConnection".*)("connectionCounts":)\[[^\]]*\]/s, '$1$2COUNTS'],
]

/** One name for each foreign thing and its twin: what the stranger once sent may be in data of its own. */
export function namesOf(foreign: Possessions, twins: Possessions): ReadonlyMap<string, string> {
  const entries = Object.entries(foreign).flatMap(([kind, values]) =>
    // The id of an integration is made of its slug, a twin's id of nothing.
    kind === 'int' || Object.hasOwn(shared, kind)
      ? []
      : values.flatMap((value, index) =>
          [value, twins[kind]?.[index] ?? value].map(text => [text, `${kind}#${index}`]),
        ),
  )
  // A longer text may hold a shorter one.
  return new Map((entries as [string, string][]).sort(([a], [b]) => b.length - a.length))
}

/** The answer with what is foreign, what is new and what changes by the moment put under one name each. */
export function comparable(
  { answer }: Outcome,
  known: ReadonlySet<string>,
  names: ReadonlyMap<string, string>,
): string {
  const open = answer.text.replace(/"(cursor|startCursor|endCursor)":"([\w-]+)"/g, (_all, name, cursor) => {
    return `"${name}":${Buffer.from(cursor, 'base64url')}`
  })
  const named = [...names].reduce((text, [value, name]) => text.replaceAll(value, name), open)
  const still = volatile.reduce((text, [pattern, name]) => text.replace(pattern, name), named)
  const ids = still.replace(/\b([a-z]+)_[0-7][0-9a-z]{25}\b/g, (id, prefix) => (known.has(id) ? id : `${prefix}_NEW`))
  return `${answer.status} ${ids}`
}
