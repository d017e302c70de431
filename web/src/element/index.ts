/** All elements, registered: `import "mien-elements"`. */

export * from "./define_camera";
export * from "./define_photo";
export * from "./define_timeline";
export * from "./define_video";
