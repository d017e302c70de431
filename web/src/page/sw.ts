/** The service worker: it keeps a copy of the page's files, so that the page opens offline. */

/** The parts of a service worker that TypeScript's DOM library lacks. */
interface ExtendableEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface ServiceWorker {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(kind: "fetch", listener: (event: FetchEvent) => void): void;
}

/** Written into the file by the build: a name for this build, and its files. */
declare const __BUILD__: { name: string; first: string[]; later: string[] };

const worker = self as unknown as ServiceWorker;
const address = (path: string): string => new URL(path, worker.registration.scope).href;

worker.addEventListener("install", (event) => {
  const keep = async (): Promise<void> => {
    const cache = await caches.open(__BUILD__.name);
    await cache.addAll(__BUILD__.first.map(address));
    await worker.skipWaiting();
  };
  event.waitUntil(keep());
});

worker.addEventListener("activate", (event) => {
  const tidy = async (): Promise<void> => {
    const old = (await caches.keys()).filter((name) => name.startsWith("mien-") && name !== __BUILD__.name);
    await Promise.all(old.map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(tidy());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = request.url.split(/[?#]/)[0].replace(/\/index\.html$/, "/");
  const isOurs = [...__BUILD__.first, ...__BUILD__.later].some((path) => address(path) === url);
  if (request.method === "GET" && isOurs) {
    event.respondWith(request.mode === "navigate" ? open(request, url) : answer(request, url));
  }
});

/** Open the page as its host has it now; without a connection, as it was. */
async function open(request: Request, url: string): Promise<Response> {
  const cache = await caches.open(__BUILD__.name);
  try {
    const response = await fetch(request);
    if (response.ok) {
      await cache.put(url, response.clone());
      return response;
    }
    return (await cache.match(url)) ?? response;
  } catch (error) {
    const kept = await cache.match(url);
    if (kept === undefined) {
      throw error;
    }
    return kept;
  }
}

/** Answer from the copy; files fetched later, such as another model, are added to it. */
async function answer(request: Request, url: string): Promise<Response> {
  const cache = await caches.open(__BUILD__.name);
  const kept = await cache.match(url);
  if (kept !== undefined) {
    return kept;
  }
  const response = await fetch(request);
  if (response.ok) {
    await cache.put(url, response.clone());
  }
  return response;
}
