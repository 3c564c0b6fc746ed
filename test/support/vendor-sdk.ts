/** The vendors' own client libraries, and what a user changes in them: the base URL and the token. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect } from 'vitest'
import { adminKey, type TestGateway } from './gateway.ts'
import { type Account, expectAccount } from './recorder.ts'
import type { Recorded, Upstream } from './upstream.ts'

const load = createRequire(join(import.meta.dirname, '../vendors/package.json'))

/** @param name of a package in test/vendors; its types are what the test says, because the check has no packages there */
export function loadSdk<Module>(name: string): Module {
  return load(name) as Module
}

/** A key for calls alone, as a company would give it to a service of its own. @param connectionId binds it to that one */
export async function createCallKey(gateway: TestGateway, connectionId?: string): Promise<string> {
  const input = { name: 'sdk', scopes: ['PASSTHROUGH_READ', 'PASSTHROUGH_WRITE'], connectionId }
  const { createAccessKey } = await gateway.ask(
    'mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret } }',
    { input },
  )
  return createAccessKey.secret
}

/** The base URL of a connection on the raw route, without slash at its end. */
export function rawUrl(gateway: TestGateway, connectionId: string): string {
  return new URL(`passthrough/${connectionId}`, gateway.url).href
}

/** Where the vendors' paths are at the root. */
export function rootUrl(gateway: TestGateway): URL {
  if (gateway.app.rootUrl === undefined) throw new Error('the gateway of this test has no PASSGATE_ROOT_PORT')
  return gateway.app.rootUrl
}

/** Points a built-in integration at a server of the test. */
export async function configure(gateway: TestGateway, input: object): Promise<void> {
  await gateway.ask(
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }',
    { input },
  )
}

/** How many calls the gateway itself has recorded for a connection. */
export async function countCalls(gateway: TestGateway, connectionId: string): Promise<number> {
  await gateway.app.flush()
  const { calls } = await gateway.ask(
    'query($filter: CallFilter) { calls(first: 100, filter: $filter) { nodes { kind } } }',
    { filter: { connectionId } },
  )
  return calls.nodes.filter(({ kind }: { kind: string }) => kind === 'RAW').length
}

export interface Linked {
  readonly gateway: TestGateway
  readonly vendor: Upstream
  readonly connectionId: string
  /** How the vendor sees the connection's account. */
  readonly account: Account
  /** What the client was given. */
  readonly key: string
}

/**
 * Runs it and proves that each request to the vendor came from the gateway, with this account, and without the key; and
 * that neither secret is in the log.
 */
export async function runAs<Result>(
  { gateway, vendor, connectionId, account, key }: Linked,
  run: () => Promise<Result>,
): Promise<{ result: Result; seen: readonly Recorded[] }> {
  const calls = await countCalls(gateway, connectionId)
  const before = vendor.seen.length
  const result = await run()
  const seen = vendor.seen.slice(before)
  expectAccount(seen, account, [key, adminKey])
  expect((await countCalls(gateway, connectionId)) - calls).toBe(seen.length)
  const secrets = [key, ...Object.values(account).map(value => value.replace(/^\w+ /, ''))]
  expect(secrets.filter(secret => gateway.log().includes(secret))).toEqual([])
  return { result, seen }
}
