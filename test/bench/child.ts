/** A process that the bench starts: it says where it listens, and it never outlives the bench. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { placed, type Role } from './cores.ts'

export interface ChildOptions {
  readonly name: string
  readonly role: Role
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Finds the URL in what it prints, once it listens. */
  readonly listening: RegExp
}

export interface Child extends AsyncDisposable {
  readonly pid: number
  readonly url: string
  /** What it wrote to standard output and standard error. */
  readonly output: () => string
}

const alive = new Set<ChildProcess>()
/** For a child that does not end when it is asked to. */
const patienceMs = 15_000

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** @throws when it ends before it listens */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, env = {}, listening } = options
  const child = spawnPlaced(options.role, options.command, env)
  const chunks: Buffer[] = []
  const output = () => Buffer.concat(chunks).toString()
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => chunks.push(chunk))
  const closed = once(child, 'close')
  let url: string | undefined
  while (url === undefined) {
    const isOver = await Promise.race([closed.then(() => true), once(child.stdout, 'data').then(() => false)])
    url = listening.exec(output())?.[1]
    if (isOver && url === undefined) throw new Error(`${name} ended before it listened: ${output()}`)
  }
  return {
    pid: child.pid ?? 0,
    url,
    output,
    async [Symbol.asyncDispose]() {
      const cut = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await closed
      clearTimeout(cut)
    },
  }
}

/** Runs it to its end. @returns its standard output. @throws when it fails */
export async function runChild(
  role: Role,
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const child = spawnPlaced(role, command, env)
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', chunk => stdout.push(chunk))
  child.stderr.on('data', chunk => stderr.push(chunk))
  const [code, signal] = await once(child, 'close')
  if (code === 0) return Buffer.concat(stdout).toString()
  throw new Error(`${command[0]} ended with ${code ?? signal}: ${Buffer.concat([...stderr, ...stdout]).toString()}`)
}

/** Ends all that still runs, whatever it was doing. */
export async function endChildren(): Promise<void> {
  const ended = [...alive].map(child => once(child, 'exit'))
  for (const child of alive) child.kill('SIGKILL')
  await Promise.all(ended)
}

function spawnPlaced(role: Role, command: readonly string[], env: Readonly<Record<string, string | undefined>>) {
  const [file = '', ...args] = placed(role, command)
  const child = spawn(file, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  return child
}
