/** A thread of its own for one document: reading a large one takes seconds, in which the gateway has others to answer. */
import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { DocumentError } from './document.ts'
import { type ImportedDocument, type ImportRequest, importDocument } from './import-document.ts'

export type ThreadAnswer =
  | { readonly imported: ImportedDocument; readonly sha256: string }
  | { readonly refusal: string }

parentPort?.postMessage(answer(workerData as ImportRequest))

function answer(request: ImportRequest): ThreadAnswer {
  try {
    const imported = importDocument(request)
    return { imported, sha256: createHash('sha256').update(request.text).digest('hex') }
  } catch (error) {
    if (error instanceof DocumentError) return { refusal: error.message }
    if (error instanceof RangeError) return { refusal: 'is nested deeper than it can be read' }
    throw error
  }
}
