/** What a process has used so far, as the kernel counts it; zero where there is no /proc. */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export const canReadUsage: boolean = existsSync('/proc/self/stat')

/** The kernel reports processor time in hundredths of a second to every program. */
const msPerTick = 10
const settledMs = 2 * msPerTick
const longestSettleMs = 15_000

/** Milliseconds of processor time, of all its threads, in user and kernel mode. */
export function readCpuMs(pid: number): number {
  if (!canReadUsage) return 0
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the program's name and may hold anything; the fields after it begin with the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * msPerTick
}

/** Milliseconds that programs have kept a core busy, or that the machine below was busy with others in its place. */
export function readCoreBusyMs(core: number): number {
  const line = new RegExp(`^cpu${core} (.+)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  const [user = 0, nice = 0, system = 0, , , , , stolen = 0] = line.split(' ').map(Number)
  return (user + nice + system + stolen) * msPerTick
}

export function readResidentBytes(pid: number): number {
  if (!canReadUsage) return 0
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** Resolves when the process rests: what it does after the answers, such as writing records, burdens nobody else. */
export async function settle(pid: number): Promise<void> {
  const giveUpAt = Date.now() + longestSettleMs
  let before = readCpuMs(pid)
  while (Date.now() < giveUpAt) {
    await sleep(300)
    const now = readCpuMs(pid)
    if (now - before <= settledMs) return
    before = now
  }
}
