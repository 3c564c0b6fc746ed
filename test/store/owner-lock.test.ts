/** A data directory has one owner, a living process; whoever comes second is told who it is. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { StartError } from '../../src/errors.ts'
import { openDatabase } from '../../src/store/database.ts'
import { takeOwnership } from '../../src/store/owner-lock.ts'
import { createTestPlace } from '../support/database.ts'
import { kinds } from './fixtures.ts'

const lockModule = pathToFileURL(join(import.meta.dirname, '../../src/store/owner-lock.ts')).href

describe('a data directory', () => {
  test('is made private, and names its owner while it has one', () => {
    using folder = createFolder()
    const dataDir = join(folder.path, 'not/yet')
    const owner = takeOwnership(dataDir)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(JSON.parse(readFileSync(join(dataDir, 'owner.json'), 'utf8'))).toEqual({
      pid: process.pid,
      host: hostname(),
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    })
    owner[Symbol.dispose]()
    expect(existsSync(join(dataDir, 'owner.json'))).toBe(false)
    takeOwnership(dataDir)[Symbol.dispose]()
  })

  test('refuses the same process a second time, and goes on belonging to it', async () => {
    using folder = createFolder()
    using _owner = takeOwnership(folder.path)
    expect(refusalOf(folder.path)).toMatch(inUseBy(folder.path, process.pid))
    await using other = await startOwner(folder.path)
    expect(other.said).toMatch(inUseBy(folder.path, process.pid))
  })

  test('refuses another process, naming the first', async () => {
    using folder = createFolder()
    await using owner = await startOwner(folder.path)
    expect(owner.said).toBe('owner')
    expect(refusalOf(folder.path)).toMatch(inUseBy(folder.path, owner.pid))
    expect(refusalOf(folder.path)).toMatch(inUseBy(folder.path, owner.pid))
  })

  test('is free once its owner was killed', async () => {
    using folder = createFolder()
    await using owner = await startOwner(folder.path)
    await owner.kill()
    expect(existsSync(join(folder.path, 'owner.json'))).toBe(true)
    expect(refusalOf(folder.path)).toBeUndefined()
  })

  test('is free although its last owner’s process id lives on in another process', () => {
    using folder = createFolder()
    const stale = { pid: process.ppid, host: hostname(), startedAt: '2026-01-01T00:00:00.000Z' }
    writeFileSync(join(folder.path, 'owner.json'), JSON.stringify(stale))
    using _owner = takeOwnership(folder.path)
    expect(JSON.parse(readFileSync(join(folder.path, 'owner.json'), 'utf8'))).toMatchObject({ pid: process.pid })
  })

  test.skipIf(!existsSync('/proc/self/stat'))('is free although its last owner is a zombie', async () => {
    using folder = createFolder()
    // A shell that never waits for its child leaves it a zombie.
    const script = `${JSON.stringify(process.execPath)} -e "$OWNER" & echo child $!; exec sleep 60`
    const shell = spawn('bash', ['-c', script], {
      env: { ...process.env, OWNER: ownerScript(folder.path) },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      const said = await readUntil(shell, /owner\n/)
      const pid = Number(/child (\d+)/.exec(said)?.[1])
      expect(refusalOf(folder.path)).toMatch(inUseBy(folder.path, pid))
      process.kill(pid, 'SIGKILL')
      await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /)
      // The first thread is a zombie a moment before the last one has let go of the file.
      await expect.poll(() => refusalOf(folder.path)).toBeUndefined()
      expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /)
    } finally {
      shell.kill('SIGKILL')
    }
  })

  test.each(['', '{', 'null', '{"pid":"1"}'])('with the owner file %j only cannot name its owner', async text => {
    using folder = createFolder()
    await using _owner = await startOwner(folder.path)
    writeFileSync(join(folder.path, 'owner.json'), text)
    expect(refusalOf(folder.path)).toBe(
      `The data directory ${folder.path} is in use by another process; stop it first or set PASSGATE_DATA_DIR to another directory.`,
    )
  })
})

describe.each(kinds)('a database (%s)', kind => {
  test('refuses a second one on its data directory, survives that, and leaves it free', async () => {
    await using place = await createTestPlace(kind)
    {
      await using first = await openDatabase(place)
      await expect(openDatabase(place)).rejects.toThrow(StartError)
      await expect(openDatabase(place)).rejects.toThrow(inUseBy(place.dataDir, process.pid))
      await first.ping()
    }
    await using second = await openDatabase(place)
    await second.ping()
  })
})

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'passgate-owner-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Why this process may not own it; undefined when it may. */
function refusalOf(dataDir: string): string | undefined {
  try {
    takeOwnership(dataDir)[Symbol.dispose]()
    return undefined
  } catch (error) {
    if (error instanceof StartError) return error.message
    throw error
  }
}

function inUseBy(dataDir: string, pid: number): RegExp {
  return new RegExp(
    `^The data directory ${dataDir} is in use by process ${pid} \\(started \\d{4}-[-\\d]+T[:.\\d]+Z\\); stop it first or set PASSGATE_DATA_DIR to another directory\\.$`,
  )
}

function ownerScript(dataDir: string): string {
  return `import(${JSON.stringify(lockModule)}).then(({ takeOwnership }) => {
    globalThis.owner = takeOwnership(${JSON.stringify(dataDir)})
    console.log('owner')
    setInterval(() => {}, 1000)
  }).catch(error => console.log(error.message))`
}

/** Another process that tries to own the directory and stays. */
async function startOwner(dataDir: string) {
  const child = spawn(process.execPath, ['-e', ownerScript(dataDir)], { stdio: ['ignore', 'pipe', 'ignore'] })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const said = (await readUntil(child, /\n/)).trim()
  return { said, pid: child.pid ?? 0, kill, [Symbol.asyncDispose]: kill }
}

async function readUntil(child: ChildProcess, end: RegExp): Promise<string> {
  let said = ''
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    said += chunk
    if (end.test(said)) break
  }
  return said
}
