/** Passgate as a process of its own, started as `npm start` does, and gone with the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { TestPlace } from '../support/database.ts'

const root = join(import.meta.dirname, '../..')
/** Compiled once for all the processes that tests start. */
const compileCache = join(root, 'node_modules/.cache/compile')
const quickResolve = join(import.meta.dirname, 'quick-resolve.ts')

export const adminKey = `admin_${'k'.repeat(40)}`

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes and assert on what they read.
  readonly data: any
  readonly errors: { message: string; extensions: { code: string } }[] | undefined
}

export interface PassgateProcess extends AsyncDisposable {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  /** Where it listens. @throws when it ends before it does */
  listening(): Promise<string>
  /** The exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>
  signal(signal: NodeJS.Signals): void
  /** One GraphQL operation over HTTP. */
  ask(query: string, variables?: object, key?: string): Promise<Answer>
}

export type Env = Readonly<Record<string, string | undefined>>

/** @param command what is run in place of node; `"$@"` in a shell script stands for the rest */
export function startPassgate(env: Env, command: readonly string[] = [process.execPath]): PassgateProcess {
  const [file = '', ...parameters] = command
  const child = spawn(file, [...parameters, '--import', quickResolve, 'src/main.ts'], {
    cwd: root,
    env: { PATH: process.env.PATH, PORT: '0', NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  // `close` comes after the last byte of both streams.
  const closed = once(child, 'close').then(([code, signal]): number | NodeJS.Signals => code ?? signal)
  let url = ''
  async function listening(): Promise<string> {
    while (url === '') {
      url = /Passgate {2,}(http\S+)\/graphql/.exec(stdout())?.[1] ?? ''
      if (url !== '') break
      const isOver = await Promise.race([closed.then(() => true), once(child.stdout, 'data').then(() => false)])
      if (isOver) throw new Error(`it ended with ${await closed} before it listened: ${stderr()}`)
    }
    return url
  }
  return {
    pid: child.pid ?? 0,
    stdout,
    stderr,
    listening,
    ended: () => closed,
    signal: signal => void child.kill(signal),
    ask: async (query, variables, key = adminKey) => askAt(await listening(), query, variables, key),
    async [Symbol.asyncDispose]() {
      end(child)
      await closed
    },
  }
}

/** What a start on `place` needs; the encryption key is the same at each start of one test. */
export function envOf(place: TestPlace, env: Env = {}): Env {
  return {
    DATABASE_URL: place.url,
    PASSGATE_DATA_DIR: place.dataDir,
    PASSGATE_ENCRYPTION_KEYS: place.url === undefined ? undefined : defaultKeys,
    PASSGATE_ADMIN_KEY: adminKey,
    ...env,
  }
}

export function newEncryptionKey(id: string): string {
  return `${id}:${randomBytes(32).toString('base64')}`
}

const defaultKeys = newEncryptionKey('k1')

/** A start that must fail: exit code 1, one sentence on standard error, nothing else anywhere. @returns the sentence */
export async function sentenceOf(env: Env, command?: readonly string[]): Promise<string> {
  await using started = startPassgate(env, command)
  const code = await started.ended()
  const said = started.stderr()
  expect(said).toMatch(/^[A-Z][^\n]*\.\n$/)
  expect(said).not.toMatch(/\bat \S+:\d+|Error:|\[object/)
  expect(started.stdout()).not.toContain('Passgate ')
  expect(code).toBe(1)
  return said.trimEnd()
}

async function askAt(url: string, query: string, variables: object | undefined, key: string): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = (await response.json()) as Pick<Answer, 'data' | 'errors'>
  return { status: response.status, data, errors }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  stream.on('data', chunk => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

function end(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
}
