import type { Endpoint } from '../model/endpoint.ts';
import type { ReportDocument } from './document.ts';
import { endpointBlocks } from './endpoint-words.ts';

/** A document that is written in the words of the first endpoint, in those of another. Titles name no event. */
export function endpointDocument(document: ReportDocument, endpoint: Endpoint | undefined): ReportDocument {
  return {
    ...document,
    lead: endpointBlocks(document.lead, endpoint),
    sections: document.sections.map((section) => ({
      ...section,
      blocks: endpointBlocks(section.blocks, endpoint),
    })),
  };
}
