/** Documents that are valid, by their text: a request that differs in its variables alone is neither parsed nor validated. */
import type { DocumentNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { TextCache } from './graphql-text-cache.ts'

export interface DocumentPipeline {
  readonly schema: unknown
  readonly parse: (source: string) => DocumentNode
  readonly validate: (schema: unknown, document: DocumentNode) => readonly unknown[]
}

interface Wanted {
  readonly query: string
  readonly operationName: string | null | undefined
}

/** Undefined when there is something wrong with the document, or no operation in it is the one that is meant. */
export type FindDocument = (pipeline: DocumentPipeline, wanted: Wanted) => DocumentNode | undefined

export function createDocuments(): FindDocument {
  const documents = new TextCache<DocumentNode>()
  return function findDocument(pipeline, { query, operationName }) {
    let document = documents.get(query)
    if (document === undefined) {
      document = readDocument(pipeline, query)
      if (document === undefined) return undefined
      documents.set(query, document)
    }
    return hasOperation(document, operationName) ? document : undefined
  }
}

/** The same for Yoga's way. What is wrong with a document is found again at each request. */
export function useValidDocuments(): Plugin {
  const documents = new TextCache<DocumentNode>()
  const valid = new WeakSet<DocumentNode>()
  return {
    onParse({ params, setParsedDocument }) {
      const document = documents.get(params.source.toString())
      if (document !== undefined) setParsedDocument(document)
    },
    onValidate({ params: { documentAST }, setResult }) {
      if (valid.has(documentAST)) return setResult([])
      return result => {
        const text = documentAST.loc?.source.body
        if (!result.valid || text === undefined) return
        valid.add(documentAST)
        documents.set(text, documentAST)
      }
    },
  }
}

function readDocument({ parse, validate, schema }: DocumentPipeline, query: string): DocumentNode | undefined {
  let document: DocumentNode
  try {
    document = parse(query)
  } catch {
    return undefined
  }
  return validate(schema, document).length === 0 ? document : undefined
}

/** True when it is clear which operation is meant, and it has one answer. */
function hasOperation(document: DocumentNode, name: string | null | undefined): boolean {
  const operations = document.definitions.filter(node => node.kind === 'OperationDefinition')
  const meant = name == null ? operations : operations.filter(node => node.name?.value === name)
  return meant.length === 1 && meant[0]?.operation !== 'subscription'
}
