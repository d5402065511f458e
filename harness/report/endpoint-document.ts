import type { Endpoint } from '../model/endpoint.ts';
import type { ReportDocument } from './document.ts';
import { endpointBlocks, endpointLine } from './search-words.ts';

/** A document that is written in the words of the first endpoint, in those of another. */
export function endpointDocument(document: ReportDocument, endpoint: Endpoint | undefined): ReportDocument {
  return {
    title: endpointLine(document.title, endpoint),
    lead: endpointBlocks(document.lead, endpoint),
    sections: document.sections.map((section) => ({
      ...section,
      blocks: endpointBlocks(section.blocks, endpoint),
    })),
  };
}
