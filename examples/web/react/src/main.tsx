import type { FrameResult, ImageResult, MienPhoto } from "mien-elements";
import "mien-elements/camera";
import "mien-elements/photo";
import { useState, type DetailedHTMLProps, type HTMLAttributes } from "react";
import { createRoot } from "react-dom/client";

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "mien-camera": DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & { modelsUrl?: string; every?: number };
      "mien-photo": DetailedHTMLProps<HTMLAttributes<MienPhoto>, MienPhoto> & {
        modelsUrl?: string;
        src?: string;
        alt?: string;
        "onmien-faces"?: (event: CustomEvent<ImageResult | FrameResult>) => void;
      };
    }
  }
}

function App() {
  const [words, setWords] = useState("");
  const show = ({ detail }: CustomEvent<ImageResult | FrameResult>) =>
    setWords(detail.faces.map(({ emotion, reason }) => emotion ?? reason).join(", "));
  return (
    <>
      <h1>mien in React</h1>
      <mien-photo modelsUrl="/mien/" src="/photo.jpg" alt="A portrait" onmien-faces={show} />
      <p id="words">{words}</p>
      <mien-camera modelsUrl="/mien/" every={0.2} />
    </>
  );
}

createRoot(document.getElementById("app")!).render(<App />);
