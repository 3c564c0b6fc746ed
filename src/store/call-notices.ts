/** What all processes are told when calls were written: which, so that whoever listens reads them; nothing of what they are. */
import type { CallBatch } from './calls.ts'
import { toTypeId } from './ids.ts'

export const callChannel = 'passgate_calls'

/** A notice has 8,000 bytes at most. */
export const idsPerNotice = 180

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Undefined for what is no notice: others may speak on the channel, too. */
export function readCallNotice(text: string): CallBatch | undefined {
  let notice: unknown
  try {
    notice = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(notice) || notice.length !== 4) return undefined
  const [workspace, sinceMs, untilMs, uuids]: unknown[] = notice
  const isTime = (ms: unknown) => typeof ms === 'number' && Math.abs(ms) <= 8.64e15
  if (!isUuid(workspace) || !isTime(sinceMs) || !isTime(untilMs)) return undefined
  if (!Array.isArray(uuids) || uuids.length > idsPerNotice || !uuids.every(isUuid)) return undefined
  const [since, until] = [new Date(Number(sinceMs)), new Date(Number(untilMs))]
  return { workspaceId: toTypeId('ws', workspace), since, until, uuids }
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && uuidPattern.test(value)
}
