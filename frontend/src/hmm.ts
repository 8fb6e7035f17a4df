// What Home Assistant's page loads. It replaces the registry of custom elements while it starts: what is defined
// before that is lost, so the cards wait for its own first element.
export {};

const version = new URL(import.meta.url).searchParams.get("v") ?? "";
const page = window as Window & { hmmCards?: string };

if (page.hmmCards === undefined) {
  page.hmmCards = version;
  // Fetched while the page starts, run when it has started. The build writes the names
  for (const name of "__CARDS__".split(" ")) {
    const preload = document.createElement("link");
    preload.rel = "modulepreload";
    preload.href = new URL(`./${name}`, import.meta.url).href;
    document.head.append(preload);
  }
  while (!customElements.get("home-assistant")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  (await import("./cards")).register(version);
}
