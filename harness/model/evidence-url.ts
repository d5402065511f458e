import { SoakError } from './errors.ts';
import { quoted } from './quoted.ts';

/** A comment has little room: longer addresses are refused. */
const LONGEST = 200;

/** Where a report folder is published. */
export interface EvidenceAddress {
  /** The page of the evidence. */
  readonly page: string;
  /** Where its pictures are served as pictures, without a slash at the end. */
  readonly files: string;
}

/**
 * The address of a published report folder. On github.com a folder's own address shows a list of files, so that page and
 * pictures are addressed there as GitHub serves them.
 *
 * @throws SoakError `bad-option`
 */
export function evidenceAddress(given: string): EvidenceAddress {
  const bad = (reason: string) =>
    new SoakError('bad-option', `--evidence-url ${quoted(given.slice(0, LONGEST))} ${reason}.`, {
      remedy:
        'Give the address of the folder that has evidence.html, such as https://owner.github.io/repository/soak/ or https://github.com/owner/repository/tree/main/soak.',
      option: { name: 'evidence-url', value: given.slice(0, LONGEST) },
    });
  if (!URL.canParse(given)) throw bad('is no address');
  const url = new URL(given);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw bad('is neither http nor https');
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw bad('has more than the path of a folder');
  }
  const path = url.pathname
    .replace(/\/(?:evidence\.(?:html|md)|index\.html)?$/, '')
    // What would end a link of Markdown, or a word.
    .replace(
      /[()[\]'*_~|<>"]/g,
      (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
    );
  const folder = `${url.origin}${path}`;
  if (folder.length > LONGEST) throw bad(`has more than ${LONGEST} characters`);
  const onGitHub = /^(https:\/\/github\.com\/[^/]+\/[^/]+)\/(?:tree|blob)\/(.+)$/.exec(folder);
  if (onGitHub === null) return { page: `${folder}/evidence.html`, files: folder };
  const [, repository, place] = onGitHub;
  return { page: `${repository}/blob/${place}/evidence.md`, files: `${repository}/raw/${place}` };
}
