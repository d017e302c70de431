/** This module turns a playing video element into a call for every frame it shows. */

/** A frame that is on the screen now. */
export interface ShownFrame {
  /** The frame's own time in the video, in seconds; for a camera, the time since its first frame. */
  readonly timeS: number;
  /** How many frames were shown before it, as far as the browser knows. */
  readonly frame: number;
}

/** Call for every frame shown, until the function that comes back is called. */
export function watchFrames(video: HTMLVideoElement, isLive: boolean, onFrame: (shown: ShownFrame) => void): () => void {
  let stopped = false;
  let began: number | null = null;
  let first: number | null = null;
  const show = (now: number, mediaTimeS: number, presented: number): void => {
    began ??= now;
    first ??= presented;
    onFrame({ timeS: isLive ? (now - began) / 1000 : mediaTimeS, frame: presented - first });
  };
  if ("requestVideoFrameCallback" in video) {
    const next: VideoFrameRequestCallback = (now, metadata) => {
      if (!stopped) {
        video.requestVideoFrameCallback(next);
        show(now, metadata.mediaTime, metadata.presentedFrames);
      }
    };
    video.requestVideoFrameCallback(next);
  } else {
    watchByClock(video, () => stopped, show);
  }
  return () => {
    stopped = true;
  };
}

/** For browsers that do not tell of frames: look at the video's clock whenever the screen is drawn. */
function watchByClock(
  video: HTMLVideoElement,
  isStopped: () => boolean,
  show: (now: number, timeS: number, presented: number) => void,
): void {
  let lastS = -1;
  let presented = 0;
  const next = (now: number): void => {
    if (isStopped()) {
      return;
    }
    if (video.currentTime !== lastS && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
      lastS = video.currentTime;
      show(now, lastS, presented++);
    }
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}
